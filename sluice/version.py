"""The version of the distribution; not shipped into jobs, whose archive a new one would change."""

__version__ = "0.2.0"
