"""Measuring everything anew, e.g. before a release."""

import dagster as dg

from pipelines.defs.evaluation.text import GROUP

evaluate_models = dg.define_asset_job(
    "evaluate_models",
    selection=dg.AssetSelection.groups(GROUP),
    executor_def=dg.in_process_executor,
    description="Every evaluation with its checks, one after the other.",
)
