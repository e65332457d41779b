"""Turns pipeline.yaml into pipeline definitions, says what would change, and submits them."""
