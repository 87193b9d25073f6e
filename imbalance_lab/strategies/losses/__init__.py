"""Penalties per row, in TensorFlow. Weights and the mean over rows are the learner's business."""
