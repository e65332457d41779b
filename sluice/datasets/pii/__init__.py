"""What tells who was speaking: found in a text by patterns. `redaction` puts placeholders there."""
