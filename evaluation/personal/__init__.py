"""What tells who was speaking: found in a text by patterns. `evaluation.redaction` puts placeholders there."""
