"""`moderation bank find`: which entries a picture matches, in the banks as they are now."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from moderation.assembly import decoder, matcher, now
from moderation.cli.bank_entries import AsJson, state_of
from moderation.cli.bank_pictures import decoded, is_file
from moderation.cli.output import console, print_json
from moderation.cli.session import Session, session
from moderation.domain.bank import BankEntry
from moderation.matching.hashes.frame_hashes import frame_hashes
from moderation.matching.hashes.pdq import from_hex, to_hex
from moderation.matching.hits import Hit
from moderation.matching.matcher import Matcher
from moderation.media.subject import Picture
from moderation.storage.banks import BankStore

MAX_BITS = 256


def find(
    picture: Annotated[str, typer.Argument(help="An image file, or a PDQ hash of 64 hex characters.")],
    bits: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_BITS, help="List whatever is so near, whether it would match or not."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the entries that a picture matches, strictest and surest first, as a lane would see it now.

    Entries with exactly its hash that match nothing (disabled, expired, of a disabled bank) are listed after these.

    Example: moderation bank find ./suspect.jpg
    """
    with session() as opened:
        searching = matcher(opened.settings, opened.database)
        searching.refresh()
        if is_file(picture):
            found, hashes = _of_file(opened, searching, picture, bits)
        else:
            code = from_hex(picture)
            found, hashes = searching.look_up(code, radius=bits).hits, [to_hex(code)]
        rows = [_row(hit) for hit in found]
        known = {hit.entry.id for hit in found}
        rows += [_idle(entry) for entry in _exact(BankStore(opened.database), hashes) if entry.id not in known]
        checkpoint = searching.checkpoint
    if as_json:
        print_json({"checkpoint": checkpoint, "items": rows})
        return
    for row in rows:
        line = f"{row['tier']:>9}  {row['bits']:>3} bits  {row['bank']}  {row['entry']}  {row['state']}  {row['note']}"
        console.print(line.rstrip(), markup=False, soft_wrap=True)
    if not rows:
        console.print("Nothing is known of it.")


def _of_file(opened: Session, searching: Matcher, picture: str, bits: int | None) -> tuple[Sequence[Hit], list[str]]:
    """What a picture's frames match, and their PDQ hashes."""
    with decoder(opened.settings) as decoding:
        found: Picture = decoded(decoding, picture)
    hashes = frame_hashes([frame.reduced for frame in found.frames])
    upright = [to_hex(one.pdq[0]) for one in hashes]
    if bits is None:
        [matched] = searching.match([hashes], [[frame.rgb for frame in found.frames]])
        return matched.hits, upright
    near = [hit for one in hashes for hit in searching.look_up(one.pdq[0], quality=one.quality, radius=bits).hits]
    nearest: dict[str, Hit] = {}
    for hit in sorted(near, key=lambda hit: hit.distance_bits):
        nearest.setdefault(hit.entry.id, hit)
    return list(nearest.values()), upright


def _exact(store: BankStore, hashes: Sequence[str]) -> Iterator[BankEntry]:
    for pdq in dict.fromkeys(hashes):
        yield from store.find(pdq)


def _row(hit: Hit) -> dict[str, object]:
    return {
        "bank": hit.bank.name,
        "entry": hit.entry.id,
        "tier": hit.tier.value,
        "effect": hit.effect.value,
        "bits": hit.distance_bits,
        "orientation": hit.orientation.value,
        "inliers": hit.inliers,
        "quality": hit.entry.quality,
        "state": state_of(hit.entry, now()),
        "category": hit.entry.category,
        "note": hit.entry.note,
    }


def _idle(entry: BankEntry) -> dict[str, object]:
    """An entry that has the hash and matches nothing."""
    state = state_of(entry, now())
    return {
        "bank": entry.bank,
        "entry": entry.id,
        "tier": "none",
        "effect": "none",
        "bits": 0,
        "orientation": "upright",
        "inliers": None,
        "quality": entry.quality,
        "state": state,
        "category": entry.category,
        "note": entry.note,
    }
