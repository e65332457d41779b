"""The container's other environment: limits, secrets, timeouts, quotes; whose variables they are, which model."""
