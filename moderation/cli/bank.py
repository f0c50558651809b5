"""`moderation bank`: named sets of known pictures. The commands about entries are in `bank_entries`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from rich.table import Table

from moderation.assembly import now
from moderation.cli import bank_entries
from moderation.cli.bank_entries import ACTOR, AsJson, summary
from moderation.cli.bank_find import find
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.bank import (
    MAX_DISTANCE_BITS,
    MAX_REVIEW_BITS,
    MIN_QUALITY,
    SECONDARY_BITS,
    Bank,
    BankEffect,
)
from moderation.domain.errors import InvalidInputError
from moderation.matching.weighing.recall_room import MAX_ENTRIES, found_by_hashes_only
from moderation.storage.banks import BankStore

app = typer.Typer(no_args_is_help=True, help="Banks of known pictures. Their contents are secrets.")
bank_entries.register(app)
app.command()(find)

Name = Annotated[str, typer.Argument(help="The bank.")]
Distance = typer.Option(min=0, max=MAX_DISTANCE_BITS, help="Bits of PDQ a picture may differ and match automatically.")
Quality = typer.Option(min=0, max=100, help="The PDQ quality that both pictures need to match automatically.")
Review = typer.Option(min=0, max=MAX_REVIEW_BITS, help="Bits of PDQ within which a person is shown the match.")
Secondary = typer.Option(
    min=-1, max=16, help="Bits of pHash and of dHash that together are evidence for a person; -1: not used."
)
Verify = typer.Option("--verify/--no-verify", help="Compare keypoints of pictures that are near.")
Enabled = typer.Option("--enabled/--disabled", help="A disabled bank matches nothing.")


@app.command()
def create(  # noqa: PLR0913, PLR0917 - each is an option
    name: Annotated[str, typer.Argument(help="CAPS_AND_UNDERSCORES, e.g. BANNED_PICTURES.")],
    effect: Annotated[BankEffect, typer.Option(help="What a match means to policy.")] = BankEffect.BLOCK,
    distance: Annotated[int, Distance] = MAX_DISTANCE_BITS,
    min_quality: Annotated[int, Quality] = MIN_QUALITY,
    review_distance: Annotated[int, Review] = MAX_REVIEW_BITS,
    secondary_distance: Annotated[int, Secondary] = SECONDARY_BITS,
    verify: Annotated[bool, Verify] = True,
    enabled: Annotated[bool, Enabled] = True,
    description: Annotated[str, typer.Option(help="What belongs in it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an empty bank.

    Example: moderation bank create BANNED_PICTURES --effect block
    """
    bank = Bank(
        name=name,
        effect=effect,
        distance_bits=distance,
        min_quality=min_quality,
        description=description,
        review_bits=review_distance,
        secondary_bits=None if secondary_distance < 0 else secondary_distance,
        verify=verify,
        enabled=enabled,
    )
    with session() as opened:
        BankStore(opened.database).create(bank, actor=ACTOR, now=now())
    _say("Made", bank, as_json=as_json)


@app.command()
def update(  # noqa: PLR0913, PLR0917 - each is an option
    name: Name,
    effect: Annotated[BankEffect | None, typer.Option(help="What a match means to policy.")] = None,
    distance: Annotated[int | None, Distance] = None,
    min_quality: Annotated[int | None, Quality] = None,
    review_distance: Annotated[int | None, Review] = None,
    secondary_distance: Annotated[int | None, Secondary] = None,
    verify: Annotated[bool | None, Verify] = None,
    enabled: Annotated[bool | None, Enabled] = None,
    description: Annotated[str | None, typer.Option(help="What belongs in it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a bank; the rest stays. Running lanes match by it within a second.

    Example: moderation bank update BANNED_PICTURES --distance 20 --no-verify
    """
    given: dict[str, Any] = {
        "effect": effect,
        "distance_bits": distance,
        "min_quality": min_quality,
        "description": description,
        "review_bits": review_distance,
        "verify": verify,
        "enabled": enabled,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if secondary_distance is not None:
        changes["secondary_bits"] = None if secondary_distance < 0 else secondary_distance
    if not changes:
        raise InvalidInputError("Nothing to change was given.", hint="See `moderation bank update --help`.")
    with session() as opened:
        store = BankStore(opened.database)
        bank = store.revise(name, lambda known: replace(known, **changes), actor=ACTOR, now=now())
    _say("Changed", bank, as_json=as_json)


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a bank with all its entries; running lanes stop matching them within a second.

    What it held stays in the log of changes, so that older verdicts can be replayed; keypoints are deleted.

    Example: moderation bank delete OLD_PICTURES
    """
    with session() as opened:
        store = BankStore(opened.database)
        store.bank(name)
        if not yes:
            typer.confirm(f"Delete bank {name} with all its entries?", abort=True)
        removed = store.delete_bank(name, actor=ACTOR, now=now())
    if as_json:
        print_json({"bank": name, "removed": removed})
    else:
        console.print(f"Deleted bank {name} with {removed} entries.", markup=False)


@app.command("list")
def list_banks(
    name: Annotated[str | None, typer.Argument(help="A bank, to list its entries.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries to print.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the banks, or one bank's entries, newest first. Hashes are not printed: they are secrets.

    Example: moderation bank list BANNED_PICTURES
    """
    left_out: dict[str, int] = {}
    with session() as opened:
        store = BankStore(opened.database)
        if name:
            rows = [summary(entry, now()) for entry in store.entries(name, limit)]
        else:
            keypoints = store.with_keypoints()
            sized = store.banks()
            rows = [_row(bank, count, keypoints.get(bank.name, 0)) for bank, count in sized]
            left_out = found_by_hashes_only([bank for bank, _ in sized], keypoints)
        checkpoint = store.checkpoint()
    if as_json:
        told: dict[str, object] = {} if name else {"found_by_hashes_only": left_out}
        print_json({"checkpoint": checkpoint, "items": rows, **told})
    else:
        _print_rows(rows)
        _say_left_out(left_out)


def _print_rows(rows: Sequence[Mapping[str, object]]) -> None:
    table = Table(box=None, header_style="bold")
    for column in rows[0] if rows else ("nothing here yet",):
        table.add_column(column, no_wrap=column == "id")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table, markup=False)


def _say_left_out(left_out: Mapping[str, int]) -> None:
    for kind, number in left_out.items():
        if number:
            console.print(
                f"{number:,} entries of {'blocking' if kind == BankEffect.BLOCK.value else 'other'} banks are found by "
                f"their hashes only: keypoints are held of {MAX_ENTRIES:,}.",
                markup=False,
                style="yellow",
                soft_wrap=True,
            )


def _row(bank: Bank, count: int, keypoints: int) -> dict[str, object]:
    return {
        "bank": bank.name,
        "effect": bank.effect.value,
        "distance_bits": bank.distance_bits,
        "review_bits": bank.review_bits,
        "secondary_bits": bank.secondary_bits,
        "min_quality": bank.min_quality,
        "verify": bank.verify,
        "enabled": bank.enabled,
        "entries": count,
        "keypoints": keypoints,
        "description": bank.description,
    }


def _say(done: str, bank: Bank, *, as_json: bool) -> None:
    if as_json:
        print_json({"bank": bank.name, **{name: value for name, value in asdict(bank).items() if name != "name"}})
        return
    state = "" if bank.enabled else " It is disabled and matches nothing."
    console.print(
        f"{done} bank {bank.name}: {bank.effect} within {bank.distance_bits} bits, shown to a person within "
        f"{bank.review_bits}.{state}",
        markup=False,
        soft_wrap=True,
    )
