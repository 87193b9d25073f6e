"""Studies: a question, a preset that one command runs, and the generated answer."""
