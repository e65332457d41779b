"""The one URL behind which all of AWS is, its background process, and its refusals."""
