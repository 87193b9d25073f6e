"""One learner interface over scikit-learn estimators and Keras networks."""
