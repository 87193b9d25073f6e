"""Every strategy on every set that comes along."""
