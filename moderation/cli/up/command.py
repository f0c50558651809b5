"""`moderation up`: everything on this machine, with one command."""

from pathlib import Path
from typing import Annotated

import typer

from moderation.assembly import now, open_database
from moderation.cli.output import console, errors, print_json
from moderation.cli.up.display import Display, summary_lines, summary_table
from moderation.cli.up.first_accounts import FirstLogin, login_file
from moderation.cli.up.installation import Installation
from moderation.cli.up.interrupts import Interrupts
from moderation.cli.up.lock import only_one
from moderation.cli.up.outcomes import Summary, outcomes, summarise
from moderation.cli.up.preparing import InterruptedStartError, key_file, prepare
from moderation.cli.up.seeding import ensure_sample_banks
from moderation.cli.up.sending import Sender
from moderation.cli.up.sources import Files, Nothing, Samples, Source
from moderation.cli.up.watching import Watch, follow
from moderation.settings import Settings, load_settings
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore

PATIENCE_SECONDS = 60.0
"""How long after their deadline posts may still move before they count as stuck."""

FIRST_POSTS = 1
"""Posts sent before a lane works, where posts were sent before: those that are known need no lane, and free the way."""

BATCHES_IN_FLIGHT = 4
"""Batches waiting for each lane: enough to keep it busy, few enough to show what a post's way takes."""

SERVE_LOOK_SECONDS = 0.5


def up(
    posts: Annotated[Path | None, typer.Option(help="A folder of images, or a .jsonl or .csv file.")] = None,
    samples: Annotated[bool, typer.Option(help="Without --posts: send the sample posts.")] = True,
    once: Annotated[bool, typer.Option("--once", help="Stop after the table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")] = False,
) -> None:
    """Start the API and Dagster, screen posts, and serve until Ctrl-C.

    With --once the exit status is 0 when every post has found its end, 1 when not.

    Example: moderation up --posts ./pictures --once
    """
    settings = _absolute(load_settings())
    interrupts = Interrupts()
    with only_one(settings.home), interrupts.caught():
        finished = _run(settings, _source(posts, samples=samples), interrupts, once=once, as_json=as_json)
    if not finished:
        raise typer.Exit(130 if interrupts.stop.is_set() else 1)


def _absolute(settings: Settings) -> Settings:
    return settings.model_copy(update={"home": settings.home.resolve()})


def _source(posts: Path | None, *, samples: bool) -> Source:
    if posts is not None:
        return Files(posts)
    return Samples() if samples else Nothing()


def _run(settings: Settings, source: Source, interrupts: Interrupts, *, once: bool, as_json: bool) -> bool:
    """True when it did what it was asked to: screened everything, and served until it was told to stop."""
    database = open_database(settings)
    installation = Installation(settings, database, interrupts)
    try:
        finished, logins = _screen(settings, database, source, installation, interrupts, as_json=as_json)
        if once or not finished:
            return finished
        installation.start_webserver()
        _say_where(settings, installation, logins)
        while not interrupts.stop.wait(SERVE_LOOK_SECONDS):
            for line in installation.look_after():
                console.print(line, style="yellow", markup=False)
    except InterruptedStartError:
        return False
    else:
        return True
    finally:
        errors.print("stopping…", style="dim")
        installation.stop()
        database.close()


def _screen(
    settings: Settings,
    database: Database,
    source: Source,
    installation: Installation,
    interrupts: Interrupts,
    *,
    as_json: bool,
) -> tuple[bool, tuple[FirstLogin, ...]]:
    """Whether every post found its end, and the accounts that were made for people."""
    started_at, store = now(), PostStore(database)
    with Display(console) as display:
        display.phase("preparing the database, the models and Dagster")
        prepared = prepare(settings, stop=interrupts.stop, say=display.say)
        display.phase("starting the API and Dagster")
        installation.start(prepared.dagster, prepared.models)
        source.begin()
        if isinstance(source, Samples):
            ensure_sample_banks(settings, database)
        installation.wait_for_api(display.say)
        first = FIRST_POSTS if any(store.counts().values()) else 0
        sender = Sender(installation.api_url, prepared.api_key, window=first, stop=interrupts.stop)
        sender.start(source.posts())
        watch = Watch(store, sender)
        finished = follow(
            watch,
            sender,
            installation,
            display,
            interrupts,
            total=source.total,
            window=BATCHES_IN_FLIGHT * settings.batch_posts * settings.lanes,
            patience_seconds=settings.deadline_seconds + PATIENCE_SECONDS,
        )
    found = outcomes(sender.sent.ids, store, ScreeningStore(database))
    summary = summarise(found, since=started_at)
    if found:
        console.print(summary_table(summary))
    for line in (
        *summary_lines(summary, sender.sent.refused),
        *source.remarks(list(sender.sent.ids.values()), found),
    ):
        console.print(line, markup=False)
    if as_json:
        print_json(_document(summary, sender.sent.refused, installation, finished=finished))
    return finished, prepared.logins


def _say_where(settings: Settings, installation: Installation, logins: tuple[FirstLogin, ...]) -> None:
    """The addresses, and how to be let in."""
    api, dagster = installation.api_url, installation.dagster_url
    rows = (
        ("start page", f"{api}/"),
        ("console", f"{api}/console"),
        *((f"as {login.name}", login.password) for login in logins),
        *((("passwords", f"{login_file(settings)} (only you can read it)"),) if login_file(settings).is_file() else ()),
        ("API", f"{api}/docs"),
        ("metrics, state", f"{api}/metrics  {api}/readyz"),
        ("Dagster", dagster),
        ("API key", f"{key_file(settings)} (only you can read it)"),
        ("try", f'curl -H "Authorization: Bearer $(cat {key_file(settings)})" {api}/v1/feed'),
        ("logs", f"{settings.home / 'logs'}"),
    )
    console.print()
    for name, value in rows:
        console.print(f"{name:>15}  {value}", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops everything.", style="dim")


def _document(summary: Summary, refused: list[str], installation: Installation, *, finished: bool) -> dict[str, object]:
    return {
        "finished": finished,
        "posts": summary.posts,
        "screened_now": summary.screened_now,
        "outcomes": [
            {"state": state, "rule": rule, "queue": queue, "posts": count} for state, rule, queue, count in summary.rows
        ],
        "refused": refused,
        "posts_per_s": round(summary.posts_per_s, 3),
        "latency_s": {"p50": summary.p50_s, "p95": summary.p95_s, "p99": summary.p99_s},
        "api": installation.api_url,
        "dagster": installation.dagster_url,
    }
