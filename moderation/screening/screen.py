"""The hot path: what happens to a batch of posts between claim and commit, in one place.

A lane runs these three steps on its own threads, so that the next batch is decoded while the models run; run one
after the other they are the whole of screening.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from moderation import __version__
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import ScreeningId, new_id
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.post import Claim, Post
from moderation.domain.signal import FailureReason, Match, SignalFailure, SignalResult
from moderation.domain.verdict import Judgement, Pins, Screening, Verdict
from moderation.media.subject import Picture, Subject
from moderation.screening.ports import Blobs, Committed, Decoder, Judge, Posts, Router, Shadows, Signals
from moderation.screening.routing import Placing, place
from moderation.signals.shadows import Picked

MAX_ATTEMPTS = 3
"""A post that was claimed more often than this without a verdict is held instead of being tried again."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ScreeningParts:
    """Everything that screening works with. `judge()` gives the policy in force; `refresh()` makes the matchers
    see the newest bank contents, and the signals follow the models' roles, raising `UnavailableError` when these cannot
    be known. Without a router every held post waits in the queue that policy names. `shadows` asks candidates for a
    signal about posts that are judged already.
    """

    posts: Posts
    blobs: Blobs
    decoder: Decoder
    signals: Signals
    judge: Callable[[], Judge]
    refresh: Callable[[], None]
    clock: Clock
    router: Router | None = None
    shadows: Shadows | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Claimed posts with their pictures, ready to be measured."""

    claims: tuple[Claim, ...]
    subjects: tuple[Subject, ...]
    started_at: datetime
    decode_seconds: float


@dataclass(frozen=True, slots=True)
class Screened:
    """Claimed posts with their verdicts, ready to be committed; `seconds` is the batch's time by stage, `placing` says
    where the held ones wait.
    """

    pairs: tuple[tuple[Claim, Screening], ...]
    seconds: dict[str, float]
    placing: Placing = field(default_factory=Placing)
    tried: Picked | None = None
    """What candidates will be asked about once this is committed; see `ports.Shadows`."""


def screen(parts: ScreeningParts, claims: Sequence[Claim]) -> Committed:
    """Decode, measure, match, judge and commit, one after the other."""
    return commit(parts, judge(parts, prepare(parts, claims)))


def prepare(parts: ScreeningParts, claims: Sequence[Claim], *, seconds: float = math.inf) -> Prepared:
    """Read and decode every image once, until `seconds` have passed: the first claims, at least one of them.

    A post that was tried too often is not decoded again. Raises `UnavailableError` when the blob store does not
    answer: then nothing is known of these posts.
    """
    started_at, begin = parts.clock(), time.perf_counter()
    subjects: list[Subject] = []
    for claim in claims:
        subjects.append(Subject(claim.post, _picture(parts, claim)))
        if time.perf_counter() - begin > seconds:
            break
    return Prepared(tuple(claims[: len(subjects)]), tuple(subjects), started_at, time.perf_counter() - begin)


def judge(parts: ScreeningParts, prepared: Prepared) -> Screened:
    """Measure every signal, match the banks, and let policy judge what they found."""
    parts.refresh()
    begin = time.perf_counter()
    results = _measure(parts.signals, prepared)
    measured = time.perf_counter()
    policy = parts.judge()
    judgements = policy.evaluate([subject.post for subject in prepared.subjects], results)
    if len(judgements) != len(prepared.subjects):
        raise RuntimeError(f"policy gave {len(judgements)} judgements for {len(prepared.subjects)} posts")
    seconds = {
        "decode": prepared.decode_seconds,
        "signals": measured - begin,
        "policy": time.perf_counter() - measured,
    }
    for found, judgement in zip(results, judgements, strict=True):
        _insist(judgement, found, parts.signals)
    pairs = _records(parts, policy, prepared, results, judgements, seconds)
    return Screened(pairs, seconds, place(parts.router, pairs), _tried(parts, prepared, pairs))


def commit(parts: ScreeningParts, screened: Screened) -> Committed:
    """Store everything in one transaction; what is no longer ours is left to whoever has it now."""
    begin = time.perf_counter()
    placing = screened.placing
    committed = parts.posts.commit(screened.pairs, now=parts.clock(), routes=placing.routes, bases=placing.bases)
    screened.seconds["commit"] = time.perf_counter() - begin
    if parts.shadows is not None and screened.tried is not None:
        stored = set(committed.stored)
        parts.shadows.submit(
            screened.tried, {screening.id for _, screening in screened.pairs if screening.post_id in stored}
        )
    return committed


def _tried(parts: ScreeningParts, prepared: Prepared, pairs: Sequence[tuple[Claim, Screening]]) -> Picked | None:
    """What candidates are asked about. A post that was tried before may have ended a lane: it is not among it."""
    if parts.shadows is None:
        return None
    fresh = [place for place, (claim, _) in enumerate(pairs) if claim.attempt == 1]
    return parts.shadows.pick(
        [prepared.subjects[place] for place in fresh],
        [pairs[place][1].results for place in fresh],
        [pairs[place][1].id for place in fresh],
    )


def hung_signals(screened: Screened) -> list[str]:
    """Signals whose thread has not come back from an earlier batch: only another process can measure them again."""
    return sorted(
        {
            result.signal
            for _, screening in screened.pairs
            for result in screening.results
            if isinstance(result, SignalFailure) and result.reason is FailureReason.UNAVAILABLE
        }
    )


def _picture(parts: ScreeningParts, claim: Claim) -> Picture | Refusal:
    if claim.attempt > MAX_ATTEMPTS:
        return Refusal(RefusalReason.DECODER_CRASHED, f"given up after {claim.attempt - 1} attempts without a verdict")
    try:
        image = parts.blobs.read(claim.post.image)
    except NotFoundError as error:
        return Refusal(RefusalReason.MISSING, error.message)
    [picture] = parts.decoder.decode([image])
    return picture


def _measure(signals: Signals, prepared: Prepared) -> list[tuple[SignalResult, ...]]:
    """One result of every signal type for each subject; posts that were tried too often are not measured."""
    fresh = [
        subject
        for claim, subject in zip(prepared.claims, prepared.subjects, strict=True)
        if claim.attempt <= MAX_ATTEMPTS
    ]
    measured = signals.measure(fresh)
    if len(measured) != len(fresh):
        raise RuntimeError(f"signals gave {len(measured)} results for {len(fresh)} posts")
    found = iter(measured)
    return [next(found) if claim.attempt <= MAX_ATTEMPTS else _given_up(signals, claim) for claim in prepared.claims]


def _insist(judgement: Judgement, results: Sequence[SignalResult], signals: Signals) -> None:
    """The last look before a verdict is believed: approval needs a measurement of every signal."""
    if judgement.verdict is not Verdict.APPROVE:
        return
    measured = {result.signal for result in results if not isinstance(result, SignalFailure)}
    if not judgement.complete or measured != set(signals.versions):
        raise RuntimeError("policy approved a post without a measurement of every signal")


def _given_up(signals: Signals, claim: Claim) -> tuple[SignalResult, ...]:
    detail = f"given up after {claim.attempt - 1} attempts without a verdict"
    return tuple(SignalFailure(name, FailureReason.ERROR, detail) for name in signals.versions)


def _records(
    parts: ScreeningParts,
    policy: Judge,
    prepared: Prepared,
    results: Sequence[tuple[SignalResult, ...]],
    judgements: Sequence[Judgement],
    seconds: Mapping[str, float],
) -> tuple[tuple[Claim, Screening], ...]:
    finished_at, share = parts.clock(), 1 / max(1, len(prepared.claims))
    each = {stage: taken * share for stage, taken in seconds.items()}
    return tuple(
        (
            claim,
            Screening(
                id=ScreeningId(new_id(finished_at)),
                post_id=claim.post.id,
                lane=claim.lane,
                attempt=claim.attempt,
                started_at=prepared.started_at,
                finished_at=finished_at,
                image=subject.picture.facts if isinstance(subject.picture, Picture) else subject.picture,
                results=found,
                judgement=judgement,
                pins=pins(parts.signals, policy, claim.post, found),
                seconds=each,
            ),
        )
        for claim, subject, found, judgement in zip(
            prepared.claims, prepared.subjects, results, judgements, strict=True
        )
    )


def pins(signals: Signals, policy: Judge, post: Post, results: Sequence[SignalResult]) -> Pins:
    """The versions that a verdict on `results` rests on."""
    return Pins(
        policy=policy.digest,
        image=post.image,
        bank_checkpoint=next((result.checkpoint for result in results if isinstance(result, Match)), ""),
        signals=signals.versions,
        models=signals.models,
        code=__version__,
    )
