"""The panel, as a browser without scripts sees it; tests/browser has it with them."""
