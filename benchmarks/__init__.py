"""Speed, always beside something else in the same run: `python -m benchmarks.<name>` ends with one line of JSON."""
