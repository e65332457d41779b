"""What can be known to go wrong before money is spent: rules over one `DeploymentSpec`, whatever file it was read from."""
