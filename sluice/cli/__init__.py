"""Releases, gates and serves: the command line over everything below."""
