"""What can be known to go wrong before money is spent: rules over a `DeploymentSpec`, whatever it was read from."""
