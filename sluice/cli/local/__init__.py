"""`sluice local`, and the local AWS as other commands start it."""
