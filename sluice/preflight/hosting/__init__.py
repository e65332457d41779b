"""What SageMaker's endpoints ask for: timeouts, model data, networks, update strategies, names, volumes."""
