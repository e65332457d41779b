"""SageMaker's data plane: invocations reach the endpoint's process, and its tokens come back as they are made."""
