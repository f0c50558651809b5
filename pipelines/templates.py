"""The two files of a DAGSTER_HOME: how this installation's Dagster keeps its state, and where its code is served."""

from collections.abc import Mapping
from pathlib import Path

import yaml

START_SECONDS = 60
"""A run whose worker has not come up after this long has failed."""

POSTGRES_URL_VARIABLE = "MODERATION_DAGSTER_POSTGRES_URL"


def instance_config(*, postgres: bool) -> str:
    """`dagster.yaml`: storage in this folder, or in the PostgreSQL database that the environment names.

    A lane is launched the moment it is wanted (no queue in between), what it prints goes to the code server's log,
    and nothing is reported to anybody.
    """
    config: dict[str, object] = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": START_SECONDS,
            "cancel_timeout_seconds": START_SECONDS,
            "poll_interval_seconds": 5,
        },
        "retention": {"sensor": {"purge_after_days": {"skipped": 1, "success": 7, "failure": 7}}},
    }
    if postgres:
        config["storage"] = {"postgres": {"postgres_url": {"env": POSTGRES_URL_VARIABLE}}}
    return yaml.safe_dump(config, sort_keys=False)


def workspace_config(socket: Path) -> str:
    """`workspace.yaml`: the code server that listens on `socket`."""
    server: Mapping[str, object] = {"socket": str(socket), "location_name": "moderation"}
    return yaml.safe_dump({"load_from": [{"grpc_server": server}]}, sort_keys=False)
