"""What the container makes of its options: read, ignored without a word, or the end of its start."""
