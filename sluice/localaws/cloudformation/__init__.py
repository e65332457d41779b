"""CloudFormation stacks: templates checked, resources made, changed and removed."""
