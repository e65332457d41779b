"""`sluice cases`."""
