"""Where a `DeploymentSpec` is read from: pipeline.yaml, other configuration files, or an account."""
