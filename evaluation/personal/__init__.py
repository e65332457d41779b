"""What tells who was speaking: found in a text by patterns, as places and kinds. `evaluation.redaction` puts it together."""
