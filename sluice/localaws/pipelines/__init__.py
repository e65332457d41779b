"""SageMaker pipeline definitions, parsed and interpreted."""
