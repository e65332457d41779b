"""The one place that knows a model package: versions, verdicts, approval, what is live."""
