"""What a sweep makes of one post: pure rules over the post as it is, what was measured of it, and what is known now.

A sweep never lets a post in, and never rejects what waits for a person. It acts without one only where every one of
these holds: the sweep was made to (`withdraw`); a live rule that rejects is true, and not merely undecided; every
signal that it reads was measured; and, after a change of banks, that rule reads the match, and a hash as it was stored,
not turned, is within the distance of a blocking bank that is enabled, in the automatic tier: sufficient quality on both
sides, a positive opinion, the entry active and not demoted.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from moderation import __version__
from moderation.domain.bank import BankEffect, Tier
from moderation.domain.cluster import distance_bits
from moderation.domain.ids import PostId, ScreeningId, new_id
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, DEFAULT_SEVERITY, Route
from moderation.domain.post import PENDING, Claim, PostState
from moderation.domain.retroaction import Case, CauseKind, Result, Ruling, SweepTerms
from moderation.domain.signal import Match, PictureHash, SignalResult
from moderation.domain.verdict import Judgement, RuleHit, RuleStatus, Screening, Truth, Verdict
from moderation.matching.hits import Hit, Matched
from moderation.policy.condition import columns_of
from moderation.policy.evaluate import Policy
from moderation.screening.ports import Router
from moderation.screening.routing import place

LANE = "retroaction"
MATCH_COLUMNS = "image_match"
GONE = frozenset({PostState.REJECTED, PostState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Rematch:
    """What the banks say now of a post's stored hashes, as they were asked, and as the result of the signal."""

    matched: Matched
    result: Match
    version: str


@dataclass(frozen=True, slots=True)
class Rejudging:
    """What every post of a sweep is judged by."""

    kind: CauseKind
    policy: Policy
    terms: SweepTerms
    sought: frozenset[int]
    """Numbers of the bank entries that the sweep is about."""
    router: Router | None
    sweep: str
    clock: Callable[[], datetime]

    def rulings(self, cases: Sequence[Case], rematches: "dict[PostId, Rematch]") -> list[Ruling]:
        """One ruling for each case, in order. A case of a bank's sweep that has no rematch was not found any more."""
        settled = [self._beforehand(case, rematches.get(case.post.id)) for case in cases]
        open_places = [number for number, ruling in enumerate(settled) if ruling is None]
        results = [self._results(cases[number], rematches.get(cases[number].post.id)) for number in open_places]
        judgements = self.policy.evaluate([cases[number].post for number in open_places], results)
        for number, found, judgement in zip(open_places, results, judgements, strict=True):
            case = cases[number]
            settled[number] = self._ruling(case, rematches.get(case.post.id), found, judgement)
        return [ruling for ruling in settled if ruling is not None]

    def _beforehand(self, case: Case, rematch: Rematch | None) -> Ruling | None:
        """What needs no judging; None for everything else."""
        if case.post.state in PENDING or case.settling:
            return Ruling(Result.LATER)
        if case.post.state in GONE:
            return Ruling(Result.GONE)
        if case.overturned:
            return Ruling(Result.DECIDED, "A rejection of it was overturned.")
        if case.screening is None:
            return Ruling(Result.UNDECIDED, "It was never measured.")
        if self.kind is CauseKind.POLICY:
            return Ruling(Result.DECIDED, "A person decided on it.") if case.decided_at is not None else None
        return self._unmatched(case, rematch)

    def _unmatched(self, case: Case, rematch: Rematch | None) -> Ruling | None:
        found = self._found(rematch)
        if not found:
            allowed = rematch is not None and any(hit.effect is BankEffect.ALLOW for hit in rematch.matched.hits)
            return Ruling(Result.SILENCED if allowed else Result.UNCHANGED)
        if not _after(found, case.decided_at):
            return Ruling(Result.DECIDED, "A person decided on it after the entry was added.")
        return None

    def _found(self, rematch: Rematch | None) -> list[Hit]:
        """The hits on entries that the sweep is about, which ask for anything."""
        hits = () if rematch is None else rematch.matched.hits
        return [hit for hit in hits if hit.entry.number in self.sought and hit.effect is not BankEffect.ALLOW]

    def _results(self, case: Case, rematch: Rematch | None) -> tuple[SignalResult, ...]:
        """What was measured, with what the banks say now in place of what they said."""
        stored = () if case.screening is None else case.screening.results
        if rematch is None:
            return stored
        kept = tuple(rematch.result if one.signal == rematch.result.signal else one for one in stored)
        return kept if any(one is rematch.result for one in kept) else (*kept, rematch.result)

    def _ruling(
        self, case: Case, rematch: Rematch | None, results: tuple[SignalResult, ...], judgement: Judgement
    ) -> Ruling:
        because = [hit for hit in judgement.hits if _true(hit) and self._counts(hit, case)]
        if not because:
            undecided = judgement.verdict is Verdict.HOLD and not judgement.complete
            return Ruling(Result.UNDECIDED if undecided else Result.UNCHANGED)
        certain = (
            because[0].verdict is Verdict.REJECT
            and self._is_measured(because[0], judgement)
            and (rematch is None or self._is_certain(case, rematch))
        )
        result = self._result(case, certain=certain)
        if result is Result.UNCHANGED or (result in {Result.REVIEW, Result.EVIDENCE} and self._known(case, rematch)):
            return Ruling(Result.UNCHANGED)
        return self._acting(case, rematch, results, judgement, because[0], result)

    def _counts(self, hit: RuleHit, case: Case) -> bool:
        """Whether a rule is the sweep's matter: it reads the match; or, of a policy, it was not true before."""
        if self.kind is CauseKind.BANK:
            return any(name.startswith(MATCH_COLUMNS) for name in self._columns(hit))
        before = () if case.screening is None else case.screening.judgement.hits
        return all(old.rule != hit.rule or not _true(old) for old in before)

    def _is_measured(self, hit: RuleHit, judgement: Judgement) -> bool:
        """Whether every signal was measured that the rule reads: `COALESCE` and `IS NULL` are true of what was not."""
        failed = {failure.partition(":")[0] for failure in judgement.failures}
        missing = {column.name for spec in self.policy.specs if spec.name in failed for column in spec.columns}
        return missing.isdisjoint(self._columns(hit))

    def _columns(self, hit: RuleHit) -> Collection[str]:
        """The columns that the rule reads, computed ones too."""
        return next(columns_of(rule.condition).keys() for rule in self.policy.rules if rule.name == hit.rule)

    def _is_certain(self, case: Case, rematch: Rematch) -> bool:
        """Whether one of the hits could act alone. Turned hashes are too far from exact for that."""
        return any(
            hit.tier is Tier.AUTOMATIC
            and hit.effect is BankEffect.BLOCK
            and _is_exact(hit, rematch.result.hashes[hit.frame])
            for hit in _after(self._found(rematch), case.decided_at)
        )

    def _result(self, case: Case, *, certain: bool) -> Result:
        """By the state of the post: see `domain.post.TRANSITIONS`."""
        alone = certain and self.terms.withdraw
        if case.post.state is PostState.PUBLISHED:
            return Result.WITHDRAW if alone else Result.REVIEW
        if case.post.state is PostState.APPROVED:
            return Result.REJECT if alone else Result.HOLD
        return Result.EVIDENCE if case.post.state is PostState.HELD else Result.UNCHANGED

    def _known(self, case: Case, rematch: Rematch | None) -> bool:
        """Whether a person was asked about these hits before, or is shown them already."""
        if rematch is None or case.screening is None:
            return False
        shown = {hit.entry_id for one in case.screening.results if isinstance(one, Match) for hit in one.hits}
        return all(hit.entry.id in shown for hit in _after(self._found(rematch), case.decided_at))

    def _acting(
        self,
        case: Case,
        rematch: Rematch | None,
        results: tuple[SignalResult, ...],
        judgement: Judgement,
        because: RuleHit,
        result: Result,
    ) -> Ruling:
        now = self.clock()
        screening = self._screening(case, rematch, results, judgement, now)
        asked = replace(
            judgement,
            verdict=Verdict.HOLD,
            queue=self._queue(because),
            category=because.category,
            reason=because.reason,
        )
        claim = Claim(case.post, "", screening.lane, screening.attempt, now)
        placing = place(self.router, [(claim, replace(screening, judgement=asked))])
        default = Route(asked.queue, DEFAULT_SEVERITY, DEFAULT_SERVICE_SECONDS)
        return Ruling(
            result=result,
            reason=because.reason,
            screening=screening,
            route=placing.routes.get(case.post.id, default),
            basis=placing.bases.get(case.post.id, ""),
            category=because.category,
            rule=because.rule,
        )

    def _queue(self, because: RuleHit) -> str:
        """The rule's own; else that of the first live rule of its category that has one, so that what only trained
        people may see stays with them; else the sweep's.
        """
        named = (
            rule.queue for rule in self.policy.rules if rule.live and rule.queue and rule.category == because.category
        )
        return because.queue or next(named, self.terms.queue)

    def _screening(
        self,
        case: Case,
        rematch: Rematch | None,
        results: tuple[SignalResult, ...],
        judgement: Judgement,
        now: datetime,
    ) -> Screening:
        """The post's evidence, judged now. Its lane says which sweep it was; what was measured before stays pinned."""
        before = case.screening
        if before is None:
            raise ValueError(f"post {case.post.id} has no evidence")
        pins = replace(before.pins, policy=self.policy.digest, code=__version__)
        if rematch is not None:
            signals = {**before.pins.signals, rematch.result.signal: rematch.version}
            pins = replace(pins, bank_checkpoint=rematch.result.checkpoint, signals=signals)
        return Screening(
            id=ScreeningId(new_id(now)),
            post_id=case.post.id,
            lane=f"{LANE}:{self.sweep}",
            attempt=1,
            started_at=now,
            finished_at=now,
            image=before.image,
            results=results,
            judgement=judgement,
            pins=pins,
        )


def _is_exact(hit: Hit, stored: PictureHash) -> bool:
    """Whether the hash as it was stored, whole or without the border, is near enough and of sufficient quality."""
    views = ((stored.pdq, stored.quality), (stored.trimmed, stored.trimmed_quality))
    return any(
        code
        and min(quality, hit.entry.quality) >= hit.bank.min_quality
        and distance_bits(code, hit.entry.pdq) <= hit.bank.distance_bits
        for code, quality in views
    )


def _after(hits: Collection[Hit], decided_at: datetime | None) -> list[Hit]:
    """Hits on entries that came after a person decided: those the person could not know."""
    return [hit for hit in hits if decided_at is None or hit.entry.added_at > decided_at]


def _true(hit: RuleHit) -> bool:
    return hit.status is RuleStatus.LIVE and hit.truth is Truth.TRUE and hit.verdict is not Verdict.APPROVE
