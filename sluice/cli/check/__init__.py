"""`sluice check` and how its findings are printed."""
