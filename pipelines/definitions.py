"""Everything that Dagster knows of this system. Importing this loads no model and opens nothing."""

import dagster as dg

from pipelines.defs.banks.exchanges import (
    check_exchanges,
    check_hourly,
    exchange_entries,
    exchanges_are_fetched,
    exchanges_due,
    fetch_exchange,
    tell_exchanges,
    tell_often,
)
from pipelines.defs.banks.index import bank_index, bank_index_due, build_bank_index, index_holds_the_banks
from pipelines.defs.banks.quarantine import quarantine_bank_entries, quarantine_often
from pipelines.defs.evaluation.job import evaluate_models
from pipelines.defs.evaluation.pictures import evaluate_pictures
from pipelines.defs.evaluation.text import evaluations
from pipelines.defs.operations.prune import daily, prune_dagster
from pipelines.defs.operations.retention import nightly, retain_images
from pipelines.defs.operations.retroaction import (
    new_bank_entries,
    open_sweeps,
    preview_new_entries,
    sweep_posts,
    swept_counts_add_up,
    swept_posts,
)
from pipelines.defs.screening.checks import check_screening, checks, every_ten_minutes
from pipelines.defs.screening.lane_job import screened_posts, screening_lane
from pipelines.defs.screening.sensor import keep_lanes_alive
from pipelines.defs.training.text_classifier import train_text_classifier
from pipelines.resources import System

defs = dg.Definitions(
    assets=[
        screened_posts,
        swept_posts,
        bank_index,
        exchange_entries,
        train_text_classifier,
        evaluate_pictures,
        *evaluations,
    ],
    asset_checks=[*checks, swept_counts_add_up, index_holds_the_banks, exchanges_are_fetched],
    jobs=[
        screening_lane,
        build_bank_index,
        fetch_exchange,
        tell_exchanges,
        check_exchanges,
        quarantine_bank_entries,
        check_screening,
        sweep_posts,
        preview_new_entries,
        prune_dagster,
        retain_images,
        evaluate_models,
    ],
    schedules=[every_ten_minutes, tell_often, check_hourly, quarantine_often, daily, nightly],
    sensors=[keep_lanes_alive, bank_index_due, exchanges_due, open_sweeps, new_bank_entries],
    resources={"system": System()},
)
