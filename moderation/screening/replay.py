"""Reach a stored verdict again, from the same image, policy and banks, or say what is different."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.errors import NotFoundError
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.post import Post
from moderation.domain.signal import Match, SignalFailure, SignalResult
from moderation.domain.verdict import Judgement, Pins, Screening
from moderation.media.subject import Picture, Subject
from moderation.screening.ports import Blobs, Decoder, Judge, Signals
from moderation.screening.screen import pins

TOLERANCE = 1e-6
"""Numbers that differ by no more are the same: batching may change the last bits of a model's output."""


@dataclass(frozen=True, slots=True)
class Replay:
    """`same` when verdict, queue and deciding rule are the same; `changes` lists everything that differs."""

    same: bool
    before: Judgement
    after: Judgement
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayParts:
    """As in a lane, but with the banks of the pinned checkpoint and the pinned policy."""

    blobs: Blobs
    decoder: Decoder
    signals: Signals
    policy: Judge


def replay(parts: ReplayParts, post: Post, screening: Screening) -> Replay:
    """Screen `post` again as `screening` did. Nothing is stored.

    Raises `UnavailableError` when the blob store does not answer.
    """
    subject = Subject(post, _picture(parts, post))
    [results] = parts.signals.measure([subject])
    [judgement] = parts.policy.evaluate([post], [results])
    now = pins(parts.signals, parts.policy, post, results)
    changes = (
        *_pin_changes(screening.pins, now),
        *_result_changes(screening.results, results),
        *_judgement_changes(screening.judgement, judgement),
    )
    return Replay(_outcome(screening.judgement) == _outcome(judgement), screening.judgement, judgement, changes)


def matched_at(screening: Screening) -> datetime:
    """By which time the banks' entries had begun and expired; when it began, in screenings that do not say it."""
    times = [result.at for result in screening.results if isinstance(result, Match) and result.at is not None]
    return times[0] if times else screening.started_at


def _picture(parts: ReplayParts, post: Post) -> Picture | Refusal:
    try:
        image = parts.blobs.read(post.image)
    except NotFoundError as error:
        return Refusal(RefusalReason.MISSING, error.message)
    return parts.decoder.decode([image])[0]


def _outcome(judgement: Judgement) -> tuple[str, str, str]:
    deciding = next((hit.rule for hit in judgement.hits if hit.verdict is judgement.verdict), "")
    return judgement.verdict, judgement.queue, deciding


def _pin_changes(before: Pins, after: Pins) -> Iterator[str]:
    for what, old, new in (
        ("policy", before.policy, after.policy),
        ("bank checkpoint", before.bank_checkpoint, after.bank_checkpoint),
        ("code version", before.code, after.code),
    ):
        if old != new:
            yield f"{what}: was {old or 'none'}, is {new or 'none'}"
    for what, old_map, new_map in (("signal", before.signals, after.signals), ("model", before.models, after.models)):
        for name in sorted(old_map.keys() | new_map.keys()):
            if old_map.get(name) != new_map.get(name):
                yield f"{what} {name}: was {old_map.get(name, 'absent')}, is {new_map.get(name, 'absent')}"


def _result_changes(before: Sequence[SignalResult], after: Sequence[SignalResult]) -> Iterator[str]:
    old = {result.signal: result for result in before}
    new = {result.signal: result for result in after}
    for name in sorted(old.keys() & new.keys()):
        first, second = _values(old[name]), _values(new[name])
        for column in sorted(first.keys() | second.keys()):
            if not _alike(first.get(column), second.get(column)):
                yield f"{name}.{column}: was {first.get(column)}, is {second.get(column)}"


def _values(result: SignalResult) -> dict[str, object]:
    if isinstance(result, SignalFailure):
        return {"failure": result.reason.value}
    return dict(result.values)


def _alike(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) <= TOLERANCE
    return first == second


def _judgement_changes(before: Judgement, after: Judgement) -> Iterator[str]:
    if before.verdict is not after.verdict:
        yield f"verdict: was {before.verdict}, is {after.verdict}"
    if before.queue != after.queue:
        yield f"queue: was {before.queue or 'none'}, is {after.queue or 'none'}"
    old, new = {hit.rule for hit in before.hits}, {hit.rule for hit in after.hits}
    for rule in sorted(old - new):
        yield f"rule {rule}: fired before, does not now"
    for rule in sorted(new - old):
        yield f"rule {rule}: fires now, did not before"
