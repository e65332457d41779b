"""The steps of a release, each a `python -m steps.<name>` inside a Processing job."""
