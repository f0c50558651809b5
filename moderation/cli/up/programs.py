"""The four programs of an installation on one machine."""

import os
import secrets
import sys
from collections.abc import Mapping

from moderation.cli.up.process import Program
from moderation.settings import Settings

API = "api"
CODE_SERVER = "code-server"
DAEMON = "dagster-daemon"
WEBSERVER = "dagster-webserver"

RPC_GRACE_SECONDS = 1
"""How long a stopping code server waits for calls; those of the webserver never end by themselves."""


def environment(settings: Settings, dagster: Mapping[str, str], *, api_port: int, dagster_port: int) -> dict[str, str]:
    """What every program gets: absolute paths, the ports in force, and who looks after it."""
    return {
        **dagster,
        "MODERATION_HOME": str(settings.home),
        "MODERATION_API_PORT": str(api_port),
        "MODERATION_DAGSTER_PORT": str(dagster_port),
        "MODERATION_SUPERVISOR": f"{os.getpid()}-{secrets.token_hex(6)}",
        "DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD": str(RPC_GRACE_SECONDS),
        "PYTHONUNBUFFERED": "1",
    }


def api(settings: Settings, env: Mapping[str, str]) -> Program:
    """The machine-facing API, on uvicorn with its limits."""
    return Program(
        API,
        (
            sys.executable,
            *("-m", "review_ui.serve", "--host", settings.api_host, "--port", env["MODERATION_API_PORT"]),
        ),
        env,
    )


def code_server(env: Mapping[str, str]) -> Program:
    """Serves the definitions and starts runs: every lane is a child of this process.

    It keeps nothing in memory that its end could lose, and takes long to end by itself.
    """
    return Program(
        CODE_SERVER,
        (
            sys.executable,
            *("-m", "dagster", "api", "grpc", "--module-name", "pipelines.definitions"),
            *("--socket", env["MODERATION_CODE_SOCKET"], "--location-name", "moderation", "--log-level", "warning"),
        ),
        env,
        grace_seconds=2.0,
        whole_group=True,
    )


def daemon(env: Mapping[str, str]) -> Program:
    """Evaluates the sensor and the schedule, and watches runs. Its state is in Dagster's storage only."""
    return Program(
        DAEMON,
        (
            sys.executable,
            *("-m", "dagster._daemon", "run", "--workspace", env["MODERATION_DAGSTER_WORKSPACE"]),
            *("--log-level", "warning"),
        ),
        env,
        grace_seconds=2.0,
    )


def webserver(settings: Settings, env: Mapping[str, str]) -> Program:
    """Dagster's pages."""
    return Program(
        WEBSERVER,
        (
            sys.executable,
            *("-m", "dagster_webserver", "--workspace", env["MODERATION_DAGSTER_WORKSPACE"]),
            *("--host", settings.api_host, "--port", env["MODERATION_DAGSTER_PORT"]),
            *("--log-level", "warning", "--dagster-log-level", "warning", "--suppress-warnings"),
        ),
        env,
        grace_seconds=3.0,
    )
