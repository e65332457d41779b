"""Evaluates a chat model by replaying chat cases; knows no AWS."""
