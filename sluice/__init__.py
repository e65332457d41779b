"""Sluice releases a chat model to production on Amazon SageMaker, and only lets it through when it answers."""
