"""The commands of a release: bootstrap, plan, run, approve, deploy, schedule, status, versions."""
