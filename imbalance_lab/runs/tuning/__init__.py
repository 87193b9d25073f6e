"""Tuning inside a run: the settings of its options, chosen on training and validation rows of each fold."""
