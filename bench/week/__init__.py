"""A simulated week: eight vendors and a file on their schedules, driven by the real Dagster daemon, with a fault each day."""
