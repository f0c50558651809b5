"""Retroaction: posts that were judged before are judged again, by banks or a policy that changed since.

First a preview, which changes nothing; then a sweep, day by day, each post under its lock and each at most once. No
picture is decoded: stored hashes are compared with the new entries, and stored measurements judged by the policy.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankEntry
from moderation.domain.errors import ConflictError, NotFoundError, SweepTooLargeError
from moderation.domain.ids import Digest, EntryId, PostId
from moderation.domain.retroaction import (
    Case,
    Cause,
    CauseKind,
    Example,
    Preview,
    Result,
    Ruling,
    Sweep,
    SweepDay,
    SweepState,
    SweepTerms,
    day_of,
)
from moderation.domain.signal import PictureHash
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hits import Matched
from moderation.matching.image_match import IMAGE_MATCH
from moderation.matching.stored_hashes import SoughtEntries, codes_of, frames_of
from moderation.media.subject import Rgb
from moderation.policy.evaluate import Policy
from moderation.screening.ports import Router
from moderation.screening.rejudging import Rejudging, Rematch
from moderation.screening.rematching import known_only, match_result
from moderation.storage.banks import BankStore
from moderation.storage.retroaction import SweepStore
from moderation.storage.retroaction_cases import HashPage, SweptPosts

log = structlog.get_logger(__name__)

CHUNK = 50
"""Posts that are judged and written in one transaction: few, so that lanes never wait long."""
ENTRY_PAGE = 10_000
Progress = Callable[[int], None]
"""Called with the number of posts looked at so far."""


class Matching(Protocol):
    """What knows the banks; `matching.matcher.Matcher` is one."""

    def refresh(self) -> None:
        """See the newest contents. Raises `UnavailableError`."""
        ...

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        """What each picture matches."""
        ...


@dataclass(frozen=True, slots=True)
class RetroactionParts:
    """Everything that sweeps work with. `policy` gives a stored policy by its digest, compiled."""

    sweeps: SweepStore
    posts: SweptPosts
    banks: BankStore
    matcher: Matching
    policy: Callable[[Digest], Policy]
    router: Router | None
    clock: Callable[[], datetime]


class Retroaction:
    """Previews and sweeps over one database."""

    def __init__(self, parts: RetroactionParts) -> None:
        self._parts = parts

    def preview(
        self, cause: Cause, terms: SweepTerms, *, examples: int = 10, progress: Progress | None = None
    ) -> Preview:
        """What a sweep would do now, to how many posts, with up to `examples` of those it would touch. Changes nothing.

        Raises `NotFoundError` for a policy that is not stored, `UnavailableError`.
        """
        parts, now = self._parts, self._parts.clock()
        rejudging, sought = self._rejudging(cause, terms, "preview")
        counts: Counter[tuple[date, str, Result]] = Counter()
        shown: list[Example] = []
        seen: set[PostId] = set()
        scanned = 0
        for looked_at, post_ids in self._everything(cause, sought, now):
            scanned += looked_at
            new = [post_id for post_id in post_ids if post_id not in seen]
            seen.update(new)
            for case, ruling in self._ruled(rejudging, new):
                day = day_of(case.post.received_at)
                if not cause.covers(day) or ruling.result is Result.LATER:
                    continue
                counts[day, case.post.state.value, ruling.result] += 1
                if ruling.result.acts and len(shown) < examples:
                    shown.append(Example(case.post.id, day, case.post.state.value, ruling.result, ruling.reason))
            if progress is not None:
                progress(scanned)
        bounded = cause.first_day is not None or cause.last_day is not None
        days = parts.posts.days_of(cause, now) if bounded else [None]
        pending = sum(parts.posts.pending(day, now) for day in days)
        return Preview(scanned, pending, counts, tuple(shown))

    def start(self, cause: Cause, terms: SweepTerms, *, by: str, progress: Progress | None = None) -> Sweep:
        """Make a sweep, unless it would touch more posts than its cap. Nothing is touched yet: see `run_day`.

        Raises `SweepTooLargeError`, and leaves nothing behind.
        """
        found = self.preview(cause, terms, examples=0, progress=progress)
        if found.touched > terms.cap:
            raise SweepTooLargeError(
                f"The sweep would touch {found.touched:,} posts, and its cap is {terms.cap:,}.",
                touched=found.touched,
                cap=terms.cap,
                hint=f"Look at the preview; if that is meant, raise the cap: --cap {found.touched}.",
            )
        return self._parts.sweeps.create(cause, terms, by=by, now=self._parts.clock())

    def run(self, sweep_id: str, *, progress: Progress | None = None) -> Sweep:
        """Run every day that is not done. Days with posts that have no verdict yet stay open: run it again later.

        Raises as `run_day` does.
        """
        done = 0
        for day in [one.day for one in self._parts.sweeps.days(sweep_id) if one.done_at is None]:
            done += self.run_day(sweep_id, day).scanned
            if progress is not None:
                progress(done)
        return self._parts.sweeps.get(sweep_id)

    def run_day(self, sweep_id: str, day: date) -> SweepDay:
        """Judge the posts that were received on one day, and do what follows. Again: only what is left.

        Raises `SweepTooLargeError` when the cap is reached: the sweep is stopped then. Raises `ConflictError` for a
        sweep that is stopped or cancelled, `NotFoundError`, `UnavailableError`.
        """
        parts = self._parts
        sweep = parts.sweeps.get(sweep_id)
        _check_open(sweep)
        if sweep.state is SweepState.DONE:
            return next(one for one in parts.sweeps.days(sweep_id) if one.day == day)
        rejudging, sought = self._rejudging(sweep.cause, sweep.terms, sweep.id)
        # Counted first: what a lane is still judging may have a verdict at the end, and is not among the hashes.
        pending = parts.posts.pending(day, sweep.created_at)
        scanned, found, later = 0, parts.sweeps.dealt_with(sweep_id, day), 0
        pages = self._matching_of_day(sought, day) if sought is not None else self._judged_of_day(day)
        for looked_at, post_ids in pages:
            scanned += looked_at
            for start in range(0, len(post_ids), CHUNK):
                left = [post_id for post_id in post_ids[start : start + CHUNK] if post_id not in found]
                found.update(left)
                later += self._apply(rejudging, sweep, day, left)
        return parts.sweeps.finish_day(
            sweep_id, day, scanned=scanned, found=len(found) + pending, later=later + pending, now=parts.clock()
        )

    def _apply(self, rejudging: Rejudging, sweep: Sweep, day: date, post_ids: Sequence[PostId]) -> int:
        """Returns how many posts are left for later."""
        if not post_ids:
            return 0
        rematches = self._rematches(rejudging, post_ids)
        applied = self._parts.sweeps.apply(
            sweep.id, day, post_ids, lambda cases: rejudging.rulings(cases, rematches), now=self._parts.clock()
        )
        if applied.stopped:
            raise SweepTooLargeError(
                f"The sweep {sweep.id} reached its cap of {sweep.terms.cap:,} posts on {day}, and is stopped.",
                touched=self._parts.sweeps.get(sweep.id).touched,
                cap=sweep.terms.cap,
                hint=f"Look at it with `moderation retroaction show {sweep.id}`; raise the cap to let it go on.",
            )
        return sum(result is Result.LATER for result in applied.results.values())

    def _rejudging(self, cause: Cause, terms: SweepTerms, sweep: str) -> tuple[Rejudging, SoughtEntries | None]:
        """How posts are judged, by the banks as they are now; without entries when a policy is the cause."""
        parts = self._parts
        policy = parts.policy(cause.policy)
        if cause.kind is CauseKind.POLICY:
            return Rejudging(cause.kind, policy, terms, frozenset(), parts.router, sweep, parts.clock), None
        parts.matcher.refresh()
        banks: dict[str, Bank] = {bank.name: bank for bank, _ in parts.banks.banks()}
        sought = SoughtEntries(self._entries(cause), banks)
        return Rejudging(cause.kind, policy, terms, sought.numbers, parts.router, sweep, parts.clock), sought

    def _entries(self, cause: Cause) -> Iterator[BankEntry]:
        """The entries that the cause names and some bank still has."""
        if cause.entry:
            with suppress(NotFoundError):
                yield self._parts.banks.entry(EntryId(cause.entry))
            return
        after = cause.after
        newest = int(self._parts.banks.checkpoint())
        while page := self._parts.banks.pages(newest, after=after, limit=ENTRY_PAGE):
            for entry in page:
                if entry.number <= cause.until and (not cause.bank or entry.bank == cause.bank):
                    yield entry
            after = page[-1].number
            if after >= cause.until:
                return

    def _everything(
        self, cause: Cause, sought: SoughtEntries | None, now: datetime
    ) -> Iterator[tuple[int, list[PostId]]]:
        """Chunks of posts that a sweep would judge, each with how many posts were looked at for it."""
        if sought is not None and cause.first_day is None and cause.last_day is None:
            yield from _matching(sought, self._parts.posts.all_hashes())
            return
        for day in self._parts.posts.days_of(cause, now):
            yield from self._matching_of_day(sought, day) if sought is not None else self._judged_of_day(day)

    def _matching_of_day(self, sought: SoughtEntries, day: date) -> Iterator[tuple[int, list[PostId]]]:
        return _matching(sought, self._parts.posts.hashes_of_day(day))

    def _judged_of_day(self, day: date) -> Iterator[tuple[int, list[PostId]]]:
        for page in self._parts.posts.posts_of_day(day, limit=CHUNK):
            yield len(page), page

    def _ruled(self, rejudging: Rejudging, post_ids: Sequence[PostId]) -> Iterator[tuple[Case, Ruling]]:
        for start in range(0, len(post_ids), CHUNK):
            chunk = post_ids[start : start + CHUNK]
            cases = self._parts.posts.cases(chunk)
            yield from zip(cases, rejudging.rulings(cases, self._rematches(rejudging, chunk)), strict=True)

    def _rematches(self, rejudging: Rejudging, post_ids: Sequence[PostId]) -> dict[PostId, Rematch]:
        """What the banks say now of the posts' stored hashes; they never change, so no lock is needed."""
        if rejudging.kind is CauseKind.POLICY or not post_ids:
            return {}
        stored: dict[PostId, tuple[PictureHash, ...]] = self._parts.posts.hashes_of(post_ids)
        matched = self._parts.matcher.match([frames_of(hashes) for hashes in stored.values()], None)
        known = [known_only(found, hashes) for found, hashes in zip(matched, stored.values(), strict=True)]
        return {
            post_id: Rematch(found, match_result(found, hashes), IMAGE_MATCH.version)
            for (post_id, hashes), found in zip(stored.items(), known, strict=True)
        }


def _matching(sought: SoughtEntries, pages: Iterator[HashPage]) -> Iterator[tuple[int, list[PostId]]]:
    """Of each page how many posts it has, and which of them may match."""
    for page in pages:
        near = _near(sought, page)
        found = dict.fromkeys(page.post_ids[place] for place in np.flatnonzero(near).tolist())
        yield len(set(page.post_ids)), list(found)


def _near(sought: SoughtEntries, page: HashPage) -> NDArray[np.bool_]:
    """Which frames may match an entry, whole or without their border."""
    near = sought.near(codes_of(page.pdqs), np.array(page.qualities, dtype=np.int64))
    bordered = [place for place, code in enumerate(page.trimmed) if code]
    if bordered:
        qualities = np.array([page.trimmed_qualities[place] for place in bordered], dtype=np.int64)
        near[bordered] |= sought.near(codes_of([page.trimmed[place] for place in bordered]), qualities)
    return near


def _check_open(sweep: Sweep) -> None:
    if sweep.state in {SweepState.STOPPED, SweepState.CANCELLED}:
        hint = "Raise its cap to let it go on." if sweep.state is SweepState.STOPPED else ""
        raise ConflictError(f"The sweep {sweep.id} is {sweep.state}.", hint=hint)
