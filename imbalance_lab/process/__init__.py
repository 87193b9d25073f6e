"""The state of the process."""
