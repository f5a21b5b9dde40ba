"""What runs by the clock. The schedule is data, the jobs are shallow, one leader among many runs them."""
