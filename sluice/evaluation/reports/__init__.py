"""report.json for people and machines: a page, a comment, a JUnit document, each drawn from its plain values alone."""
