"""Chat cases that cannot be asked, cannot pass, cannot fail, or are too few to decide anything."""
