"""`moderation bank find`: which entries a picture matches, in the banks as they are now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from moderation.assembly import decoder, matcher, now
from moderation.cli.bank_entries import AsJson, state_of
from moderation.cli.bank_pictures import decoded, is_file
from moderation.cli.output import console, print_json
from moderation.cli.session import Session, session
from moderation.domain.bank import MIN_QUALITY, BankEntry
from moderation.matching.hashes.frame_hashes import FrameHashes, frame_hashes
from moderation.matching.hashes.pdq import from_hex, to_hex
from moderation.matching.hits import Hit, Matched
from moderation.matching.matcher import Matcher
from moderation.media.subject import Picture
from moderation.storage.banks import BankStore

MAX_BITS = 256


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a picture or a hash. `qualities` (0 to 100) are its frames', none of a hash given as text."""

    hits: Sequence[Hit]
    hashes: Sequence[str]
    checkpoint: str
    qualities: tuple[int, ...] = ()
    capped: bool = False
    uncompared: int = 0
    complete: bool = True

    @property
    def usable(self) -> bool:
        """No frame is too plain for its hash to say anything."""
        return min(self.qualities, default=MIN_QUALITY) >= MIN_QUALITY

    def doubts(self) -> Iterator[str]:
        """Why there may be more than is listed, in words."""
        if not self.usable:
            yield (
                f"The picture is too flat to be compared (quality {min(self.qualities)} is below {MIN_QUALITY}): "
                "that nothing is found means nothing."
            )
        if not self.complete:
            yield "There was no time to compare everything: that nothing is found means nothing."
        if self.uncompared:
            yield f"Not compared, though they may be the same picture: {self.uncompared}."
        if self.capped:
            yield "There are more than these."


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
    A picture that is too flat to have a usable hash is said to be one.

    Example: moderation bank find ./suspect.jpg
    """
    with session() as opened:
        searching = matcher(opened.settings, opened.database)
        searching.refresh()
        found = _of_file(opened, searching, picture, bits) if is_file(picture) else _of_text(searching, picture, bits)
        rows = [_row(hit) for hit in found.hits]
        known = {hit.entry.id for hit in found.hits}
        rows += [_idle(entry) for entry in _exact(BankStore(opened.database), found.hashes) if entry.id not in known]
    if as_json:
        print_json(_answer(found, rows))
        return
    for row in rows:
        console.print(_line(row), markup=False, soft_wrap=True)
    doubts = list(found.doubts())
    for doubt in doubts:
        console.print(doubt, markup=False, soft_wrap=True)
    if not rows and not doubts:
        console.print("Nothing is known of it.")


def _answer(found: Found, rows: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "checkpoint": found.checkpoint,
        "usable": found.usable,
        "qualities": list(found.qualities),
        "capped": found.capped,
        "uncompared": found.uncompared,
        "complete": found.complete,
        "items": rows,
    }


def _line(row: dict[str, object]) -> str:
    seen = f"{row['tier']:>9}  {row['bits']:>3} bits  {row['orientation']}{' trimmed' if row['trimmed'] else ''}"
    return f"{seen}  quality {row['quality']}  {row['bank']}  {row['entry']}  {row['state']}  {row['note']}".rstrip()


def _of_text(searching: Matcher, text: str, bits: int | None) -> Found:
    code = from_hex(text)
    near = searching.look_up(code, radius=bits)
    return Found(near.hits, [to_hex(code)], near.checkpoint, capped=near.capped)


def _of_file(opened: Session, searching: Matcher, picture: str, bits: int | None) -> Found:
    with decoder(opened.settings) as decoding:
        read: Picture = decoded(decoding, picture)
    hashes = frame_hashes([frame.reduced for frame in read.frames])
    if bits is None:
        [matched] = searching.match([hashes], [[frame.rgb for frame in read.frames]])
    else:
        matched = _within(searching, hashes, bits)
    return Found(
        matched.hits,
        [to_hex(one.pdq[0]) for one in hashes],
        matched.checkpoint,
        tuple(one.quality for one in hashes),
        matched.capped,
        matched.uncompared,
        matched.complete,
    )


def _within(searching: Matcher, hashes: Sequence[FrameHashes], bits: int) -> Matched:
    """Whatever is within so many bits of some upright frame, each entry once, where it is nearest."""
    answers = [searching.look_up(one.pdq[0], quality=one.quality, radius=bits) for one in hashes]
    nearest: dict[str, Hit] = {}
    for hit in sorted((hit for near in answers for hit in near.hits), key=lambda hit: hit.distance_bits):
        nearest.setdefault(hit.entry.id, hit)
    return Matched(tuple(nearest.values()), answers[-1].checkpoint, any(near.capped for near in answers))


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
        "trimmed": hit.trimmed,
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
        "trimmed": False,
        "inliers": None,
        "quality": entry.quality,
        "state": state,
        "category": entry.category,
        "note": entry.note,
    }
