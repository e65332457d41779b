"""AWS on this machine: moto, plus what it lacks to run a release for real. Imports nothing of the rest."""
