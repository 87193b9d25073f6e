"""Ensembles that balance, against imbalanced-ensemble in an environment of its own."""
