"""The container's other environment: limits, secrets, timeouts and quotes; whose variables they are, and which model."""
