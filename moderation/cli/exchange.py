"""`moderation exchange`: sources of shared hashes, fetched into banks."""

import os
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import now
from moderation.cli.exchange_facts import kind_facts, pairs, report_facts, sentence, state_facts
from moderation.cli.output import console, errors, print_json
from moderation.cli.session import Session, session
from moderation.domain.bank import BankEffect
from moderation.domain.errors import ModerationError
from moderation.domain.exchange import DEFAULT_EVERY_SECONDS, MAX_REMOVALS, Exchange, ExchangeKind, Outcome
from moderation.domain.ids import EntryId
from moderation.matching.exchanges.registry import SPECS, configured, open_source
from moderation.screening.exchanges import Fetch, FetchReport, tell
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchange_results import ResultStore
from moderation.storage.exchanges import ExchangeStore

ACTOR = "cli"

app = typer.Typer(no_args_is_help=True, help="Exchanges of hashes: files, ThreatExchange, NCMEC, StopNCII.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(help="The exchange.")]


MaxRemovals = Annotated[
    int | None,
    typer.Option(min=0, help="Items a fetch may remove unasked; unless set a tenth of all, at most 100, or a few."),
]


@app.command()
def kinds(as_json: AsJson = False) -> None:
    """List the kinds of exchanges, and what each asks for.

    Example: moderation exchange kinds
    """
    if as_json:
        print_json({"kinds": [kind_facts(kind) for kind in SPECS]})
        return
    for kind, spec in SPECS.items():
        console.print(f"[bold]{kind}[/]: {spec.title}")
        console.print(f"  address: {spec.address_help}" + (f" (else {spec.address})" if spec.address else ""))
        for what, options in (("option", spec.options), ("credential", spec.credentials)):
            for option in options:
                console.print(f"  {what} {option.name}{' (needed)' if option.required else ''}: {option.help}")
        told = ", ".join(sorted(spec.outcomes)) or "nothing"
        console.print(f"  can be told: {told}")


@app.command()
def add(  # noqa: PLR0913, PLR0917 - one option for each fact of a configuration
    name: Annotated[str, typer.Argument(help="A name of your own, e.g. ncii.")],
    kind: Annotated[ExchangeKind, typer.Argument(help="The protocol; see `moderation exchange kinds`.")],
    bank: Annotated[str, typer.Option(help="The bank that it fills.")],
    address: Annotated[str, typer.Option(help="URL, or the path of files; the kind's own if absent.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the kind.")] = None,
    credential: Annotated[
        list[str] | None, typer.Option(help="PURPOSE=VARIABLE: the environment variable that holds it.")
    ] = None,
    category: Annotated[str, typer.Option(help="The harm of entries that name none, e.g. ncii.")] = "",
    every: Annotated[float, typer.Option(help="Seconds between fetches.")] = DEFAULT_EVERY_SECONDS,
    max_removals: MaxRemovals = None,
    new_bank: Annotated[BankEffect | None, typer.Option(help="Make the bank, with this effect.")] = None,
    write_back: Annotated[bool, typer.Option("--write-back", help="Tell it what our reviews found.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add an exchange; it is fetched on schedule from now on. Secrets stay in the environment.

    Example: moderation exchange add shared files --bank SHARED --new-bank block --address /data/hashes.csv

    Example: moderation exchange add ncii stopncii --bank NCII --new-bank block
    --credential subscription_key=EXCHANGE_NCII_KEY --credential fetch_key=EXCHANGE_NCII_FETCH
    """
    exchange = Exchange(
        name=name,
        kind=kind,
        bank=bank,
        address=address,
        options={**pairs(option), **_limits(max_removals)},
        credentials=pairs(credential),
        category=category,
        write_back=write_back,
        every_seconds=every,
    )
    with session() as opened:
        store = ExchangeStore(opened.database)
        state = store.add(configured(exchange), actor=ACTOR, now=now(), new_bank=new_bank)
    if as_json:
        print_json(state_facts(state))
    else:
        console.print(f"Added {name}: {kind} into the bank {bank}. Fetch now: moderation exchange fetch {name}")


@app.command("set")
def set_options(  # noqa: PLR0913, PLR0917 - one option for each fact of a configuration
    name: Name,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the kind.")] = None,
    credential: Annotated[list[str] | None, typer.Option(help="PURPOSE=VARIABLE of the environment.")] = None,
    category: Annotated[str | None, typer.Option(help="The harm of entries that name none.")] = None,
    every: Annotated[float | None, typer.Option(help="Seconds between fetches.")] = None,
    max_removals: MaxRemovals = None,
    write_back: Annotated[
        bool | None, typer.Option("--write-back/--no-write-back", help="Tell it what our reviews found.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change an exchange; what is not given stays. Its kind, bank and address stay in any case.

    Example: moderation exchange set ncii --write-back --every 900
    """
    with session() as opened:
        store = ExchangeStore(opened.database)
        before = store.state(name).exchange
        changed = replace(
            before,
            options={**before.options, **pairs(option), **_limits(max_removals)},
            credentials={**before.credentials, **pairs(credential)},
            category=before.category if category is None else category,
            every_seconds=before.every_seconds if every is None else every,
            write_back=before.write_back if write_back is None else write_back,
        )
        state = store.update(configured(changed), actor=ACTOR, now=now())
    if as_json:
        print_json(state_facts(state))
    else:
        console.print(f"Changed {name}.")


def _limits(max_removals: int | None) -> dict[str, str]:
    return {} if max_removals is None else {MAX_REMOVALS: str(max_removals)}


@app.command("list")
def list_exchanges(as_json: AsJson = False) -> None:
    """List the exchanges and how their fetches went.

    Example: moderation exchange list
    """
    with session() as opened:
        states = ExchangeStore(opened.database).states()
    if as_json:
        print_json({"exchanges": [state_facts(state) for state in states]})
        return
    table = Table("exchange", "kind", "bank", "items", "last success", "next", "problem", box=None, header_style="bold")
    for state in states:
        facts = state_facts(state)
        due = facts["due_at"] if state.exchange.enabled else "disabled"
        row = (state.exchange.name, state.exchange.kind, state.exchange.bank, state.items)
        table.add_row(*map(str, (*row, facts["last_success_at"] or "never", due, state.last_error)))
    console.print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show an exchange: configuration, checkpoint, what it told that cannot be used, and what waits to be told.

    Example: moderation exchange show ncii
    """
    with session() as opened:
        state = ExchangeStore(opened.database).state(name)
        waiting = FeedbackStore(opened.database).counts().get(name, {})
    facts = state_facts(state) | {"feedback": waiting}
    if as_json:
        print_json(facts)
        return
    table = Table("", "", box=None, show_header=False)
    for key, value in facts.items():
        table.add_row(key, str(value))
    console.print(table)


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Exchanges; every enabled one that is due if absent.")
    ] = None,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Remove what is gone upstream, however much it is.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin from the beginning.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch what is new into the bank. One that was interrupted goes on where it stopped.

    Example: moderation exchange fetch ncii
    """
    with session() as opened:
        store = ExchangeStore(opened.database)
        reports: list[FetchReport] = []
        failures: dict[str, ModerationError] = {}
        for name in names or store.due(now()):
            try:
                if restart:
                    store.restart(name, actor=ACTOR, now=now())
                reports.append(_fetched(opened, name, allow_removals=allow_removals, quiet=as_json))
            except ModerationError as error:
                failures[name] = error
    if as_json:
        failed = {name: error.message for name, error in failures.items()}
        print_json({"fetched": [report_facts(report) for report in reports], "failed": failed})
    else:
        for report in reports:
            console.print(sentence(report))
        if not reports and not failures:
            console.print("Nothing is due.")
    if failures:
        if len(failures) > 1:
            errors.print(f"Not fetched: {', '.join(failures)}; see `moderation exchange list`.")
        raise next(iter(failures.values()))


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Fetch an exchange again, on schedule.

    Example: moderation exchange enable ncii
    """
    _set_enabled(name, enabled=True, as_json=as_json)


@app.command()
def disable(name: Name, as_json: AsJson = False) -> None:
    """Fetch an exchange no more, and tell it nothing; its entries stay in the bank and match.

    Example: moderation exchange disable ncii
    """
    _set_enabled(name, enabled=False, as_json=as_json)


@app.command()
def remove(
    name: Name,
    keep_entries: Annotated[bool, typer.Option("--keep-entries", help="Leave its entries in the bank.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take an exchange out, with the entries that nobody else stands for.

    Example: moderation exchange remove ncii
    """
    with session() as opened:
        removed = ExchangeStore(opened.database).remove(name, actor=ACTOR, now=now(), keep_entries=keep_entries)
    if as_json:
        print_json({"removed": name, "entries": removed})
    else:
        console.print(f"Removed {name} and {removed:,} entries.")


@app.command()
def review(
    entry: Annotated[str, typer.Argument(help="An entry, as `moderation bank list NAME` prints it.")],
    outcome: Annotated[Outcome, typer.Argument(help="What a person found.")],
    as_json: AsJson = False,
) -> None:
    """Record what a review found of an entry: a disputed one never acts automatically. Told where write-back is on.

    Example: moderation exchange review 0197… disputed
    """
    with session() as opened:
        told = {kind: spec.outcomes for kind, spec in SPECS.items()}
        queued = FeedbackStore(opened.database).review(EntryId(entry), outcome, told=told, actor=ACTOR, now=now())
    if as_json:
        print_json({"entry": entry, "outcome": outcome, "queued": queued})
    else:
        console.print(f"Recorded; {queued} to be told.")


@app.command("tell")
def tell_due(as_json: AsJson = False) -> None:
    """Gather what lanes and moderators found of exchanges' entries, and tell what is due, as the schedule does.

    Example: moderation exchange tell
    """
    with session() as opened:
        store = ExchangeStore(opened.database)
        opening = partial(open_source, environment=os.environ, clock=now)
        outcomes = {kind: spec.outcomes for kind, spec in SPECS.items()}
        ResultStore(opened.database).collect(told=outcomes, now=now())
        told, failed = tell(FeedbackStore(opened.database), lambda name: store.state(name).exchange, opening, now)
    if as_json:
        print_json({"told": told, "failed": failed})
    else:
        console.print(f"Told {told}, failed {failed}.")


def _fetched(opened: Session, name: str, *, allow_removals: bool, quiet: bool) -> FetchReport:
    opening = partial(open_source, environment=os.environ, clock=now)
    with errors.status(f"Fetching {name}…") as status:

        def progress(report: FetchReport) -> None:
            if not quiet:
                status.update(f"Fetching {name}: page {report.pages:,}, {report.items:,} items…")

        run = Fetch(ExchangeStore(opened.database), opening, now, on_page=progress)
        return run.run(name, allow_removals=allow_removals)


def _set_enabled(name: str, *, enabled: bool, as_json: bool) -> None:
    with session() as opened:
        state = ExchangeStore(opened.database).set_enabled(name, enabled, actor=ACTOR, now=now())
    if as_json:
        print_json(state_facts(state))
    else:
        console.print(f"{name} is {'enabled' if enabled else 'disabled'}.")
