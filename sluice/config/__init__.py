"""pipeline.yaml, typed: its keys, what they may hold, and what is said when they do not."""
