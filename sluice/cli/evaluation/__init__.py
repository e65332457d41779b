"""`sluice replay`, `report` and `compare`."""
