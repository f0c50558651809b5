"""What Dagster runs, by area."""
