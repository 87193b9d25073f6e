"""MLflow's server with PostgreSQL behind it, for a team."""
