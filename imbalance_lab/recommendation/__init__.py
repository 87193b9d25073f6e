"""From a table to an answer to a model: what the table is like, what is tried on it, when to stop, what to use."""
