"""Chat cases: what one is, and how a file of them is read, checked and kept."""
