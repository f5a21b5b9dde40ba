"""What the house tells its operators: structured logs and metrics. It decides nothing."""
