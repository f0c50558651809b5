"""What jobs have in common: which of their runs are not over, and how little they log."""

import dagster as dg

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""A run in one of these is not over: sensors start no second one beside it."""
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
"""For jobs that run every few seconds or minutes."""
