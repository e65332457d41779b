"""Processing jobs and containers as process groups on this machine."""
