"""The rivals, each a script for an environment of its own: they import nothing of ours but `benchmarks.hammer`."""
