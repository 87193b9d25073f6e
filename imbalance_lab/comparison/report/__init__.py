"""A comparison as text, page and pictures."""
