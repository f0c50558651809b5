"""What must be there before the first process starts: schema, API key, models, DAGSTER_HOME. All at the same time."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from moderation.assembly import blob_store, model_store, now, open_database, signal_specs
from moderation.cli.up.background import in_background
from moderation.cli.up.first_accounts import FirstLogin, ensure_first_accounts
from moderation.domain.errors import ModelStoreError, ModerationError, UnavailableError
from moderation.settings import Settings
from moderation.signals.models import ModelState
from moderation.storage.keys import SCOPES, ApiKeyStore

KEY_NAME = "local"
KEY_PER_MINUTE = 60_000
DAGSTER_HOME_SECONDS = 120.0
LOOK_SECONDS = 0.05

ResultT = TypeVar("ResultT")


class InterruptedStartError(ModerationError):
    """Somebody pressed Ctrl-C before everything was there."""

    code = "interrupted"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the processes need to start. `models` ends when every model is there; lanes must not start before.

    `logins` are the accounts that were just made, none where there were some.
    """

    api_key: str
    logins: tuple[FirstLogin, ...]
    dagster: Mapping[str, str]
    models: "Future[None]"


def prepare(settings: Settings, *, stop: threading.Event, say: Callable[[str], None]) -> Prepared:
    """Migrate, ensure the blob store's folder, the local API key and DAGSTER_HOME; models are fetched meanwhile.

    Raises `ModerationError` for whatever is wrong, `InterruptedStartError` when `stop` is set meanwhile.
    """
    blob_store(settings).prepare()
    models = in_background(partial(_pull_models, settings, say))
    key = in_background(partial(_ensure_schema_and_keys, settings))
    dagster = in_background(partial(_prepare_dagster_home, settings))
    environment = wait_for(dagster, stop)
    api_key, logins = wait_for(key, stop)
    return Prepared(api_key, logins, environment, models)


def wait_for(future: "Future[ResultT]", stop: threading.Event) -> ResultT:
    """The future's result. Raises `InterruptedStartError` as soon as `stop` is set."""
    while not future.done():
        if stop.wait(LOOK_SECONDS):
            raise InterruptedStartError("Stopped before everything was ready.")
    return future.result()


def key_file(settings: Settings) -> Path:
    """Where the local API key is kept, readable by this user only."""
    return settings.home / "api-key"


def _ensure_schema_and_keys(settings: Settings) -> tuple[str, tuple[FirstLogin, ...]]:
    database = open_database(settings)
    try:
        database.migrate()
        logins = ensure_first_accounts(settings, database, now=now())
        return _ensure_key(settings, ApiKeyStore(database)), logins
    finally:
        database.close()


def _ensure_key(settings: Settings, keys: ApiKeyStore) -> str:
    """The key in the local file if it is still good, else a new one under the same name."""
    path = key_file(settings)
    if path.is_file():
        secret = path.read_text().strip()
        if secret and keys.verify(secret, now=now()) is not None:
            return secret
    for known in keys.list():
        if known.name == KEY_NAME and known.revoked_at is None:
            keys.revoke(KEY_NAME, now=now())
    _, secret = keys.create(KEY_NAME, scopes=SCOPES, per_minute=KEY_PER_MINUTE, now=now())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    return secret


def _pull_models(settings: Settings, say: Callable[[str], None]) -> None:
    store = model_store(settings)
    for name in sorted({name for spec in signal_specs(settings) for name in spec.models}):
        status = store.pull(name, say)
        if status.state is not ModelState.VERIFIED:
            raise ModelStoreError(f"{name} is {status.state}: {status.problem}")


def _prepare_dagster_home(settings: Settings) -> dict[str, str]:
    """In a process of its own: Dagster is not imported here, where it would slow everything down."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.home"],
            env={**os.environ, "MODERATION_HOME": str(settings.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DAGSTER_HOME_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"Dagster's storage was not ready in {DAGSTER_HOME_SECONDS:.0f} s.") from error
    if done.returncode != 0:
        raise UnavailableError(f"Dagster's storage could not be prepared: {done.stderr.strip()[-2000:]}")
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
