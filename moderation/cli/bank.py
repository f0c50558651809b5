"""`moderation bank`: named sets of known pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from moderation.assembly import decoder, now
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.bank import MAX_DISTANCE_BITS, MIN_QUALITY, Bank, BankEffect, EntryDraft
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import EntryId
from moderation.domain.media import Refusal
from moderation.matching.pdq import from_hex, hash_and_quality, to_hex
from moderation.settings import Settings
from moderation.storage.banks import BankStore

ACTOR = "cli"

app = typer.Typer(no_args_is_help=True, help="Banks of known pictures. Their contents are secrets.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="CAPS_AND_UNDERSCORES, e.g. BANNED_PICTURES.")],
    effect: Annotated[BankEffect, typer.Option(help="What a match means to policy.")] = BankEffect.BLOCK,
    distance: Annotated[int, typer.Option(min=0, max=31, help="Bits a picture may differ and match.")] = (
        MAX_DISTANCE_BITS
    ),
    description: Annotated[str, typer.Option(help="What belongs in it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an empty bank.

    Example: moderation bank create BANNED_PICTURES --effect block
    """
    bank = Bank(name=name, effect=effect, distance_bits=distance, description=description)
    with session() as opened:
        BankStore(opened.database).create(bank, actor=ACTOR, now=now())
    if as_json:
        print_json({"bank": name, "effect": effect, "distance_bits": distance})
    else:
        console.print(f"Made bank {name}: {effect} within {distance} bits.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The bank.")],
    pictures: Annotated[list[str], typer.Argument(help="Image files, or PDQ hashes of 64 hex characters.")],
    note: Annotated[str, typer.Option(help="Why it is known.")] = "",
    category: Annotated[str, typer.Option(help="The harm, e.g. adult.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bank pictures; running lanes match them within a second. The pictures themselves are not stored.

    Example: moderation bank add BANNED_PICTURES ./known.jpg --note "ticket 17"
    """
    with session() as opened:
        store = BankStore(opened.database)
        hashes = list(hashes_of(opened.settings, pictures))
        entries = [
            store.add(
                name, EntryDraft(pdq, quality, source=ACTOR, note=note, category=category), actor=ACTOR, now=now()
            )
            for pdq, quality in hashes
        ]
    if as_json:
        print_json({"bank": name, "entries": [{"id": entry.id, "quality": entry.quality} for entry in entries]})
    else:
        for entry in entries:
            console.print(f"Added {entry.id} to {name} (quality {entry.quality}).")


@app.command()
def remove(
    entries: Annotated[list[str], typer.Argument(help="Entry ids, as `bank list NAME` prints them.")],
    as_json: AsJson = False,
) -> None:
    """Take entries out; running lanes stop matching them within a second.

    Example: moderation bank remove 0197…
    """
    with session() as opened:
        store = BankStore(opened.database)
        for entry in entries:
            store.remove(EntryId(entry), actor=ACTOR, now=now())
    if as_json:
        print_json({"removed": entries})
    else:
        console.print(f"Removed {len(entries)}.")


@app.command("list")
def list_banks(
    name: Annotated[str | None, typer.Argument(help="A bank, to list its entries.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries to print.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the banks, or one bank's entries. Hashes are not printed: they are secrets.

    Example: moderation bank list BANNED_PICTURES
    """
    with session() as opened:
        store = BankStore(opened.database)
        rows = _entry_rows(store, name, limit) if name else _bank_rows(store)
        checkpoint = store.checkpoint()
    if as_json:
        print_json({"checkpoint": checkpoint, "items": rows})
        return
    table = Table(box=None, header_style="bold")
    for column in rows[0] if rows else ("nothing here yet",):
        table.add_column(column, no_wrap=column == "id")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


def _bank_rows(store: BankStore) -> list[dict[str, str | int]]:
    return [
        {
            "bank": bank.name,
            "effect": bank.effect.value,
            "distance_bits": bank.distance_bits,
            "entries": count,
            "description": bank.description,
        }
        for bank, count in store.banks()
    ]


def _entry_rows(store: BankStore, name: str, limit: int) -> list[dict[str, str | int]]:
    return [
        {
            "id": entry.id,
            "quality": entry.quality,
            "category": entry.category,
            "source": entry.source,
            "note": entry.note,
            "added_at": entry.added_at.isoformat(timespec="seconds"),
        }
        for entry in store.entries(name, limit)
    ]


def hashes_of(settings: Settings, pictures: list[str]) -> Iterator[tuple[str, int]]:
    """PDQ and quality of each picture; every frame of an animation counts as one."""
    with decoder(settings) as decoding:
        for picture in pictures:
            path = Path(picture)
            if not path.exists():
                yield to_hex(from_hex(picture)), 100
                continue
            found = decoding.decode([path.read_bytes()])[0]
            if isinstance(found, Refusal):
                raise InvalidInputError(f"{picture} cannot be decoded: {found.reason} {found.detail}".rstrip() + ".")
            hashes = [
                hash_and_quality(frame.reduced["pdq_luma64"].astype(np.float32, copy=False)) for frame in found.frames
            ]
            usable = [(to_hex(code), quality) for code, quality in hashes if quality >= MIN_QUALITY]
            if not usable:
                raise InvalidInputError(
                    f"{picture} is too flat to be known again: quality {max(quality for _, quality in hashes)} "
                    f"is below {MIN_QUALITY}.",
                    hint="Bank another version of the picture.",
                )
            yield from dict(usable).items()
