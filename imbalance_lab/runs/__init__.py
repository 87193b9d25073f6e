"""A run: what it is, how it is planned, made and recorded."""
