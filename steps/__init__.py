"""The steps of a release, each a `python -m sluice.steps.<name>` inside a Processing job."""
