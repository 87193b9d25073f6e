"""What the test predictions are worth: metrics, intervals, figures. Pure functions."""
