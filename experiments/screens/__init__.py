"""What people see, kept as pictures: terminal, report, MLflow's pages, figures of runs."""
