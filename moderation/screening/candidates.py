"""What would change if a candidate were live: stored posts, judged again with its results instead of the live ones.

Both sides are judged by the policy in force and by its one evaluator, so that nothing but the model makes a difference.
Signals that read what the candidate's signal found are not measured again: what they would change is not seen, and they
are named. Memory does not grow with the number of posts.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from moderation.domain.ids import PostId
from moderation.domain.signal import ColumnKind, Match, Score, SignalFailure, SignalResult, SignalSpec, Value
from moderation.domain.verdict import Judgement, RuleStatus, Truth, Verdict
from moderation.policy.cases import deciding_rule
from moderation.policy.evaluate import Policy
from moderation.screening.report import quantile
from moderation.storage.shadow_results import ShadowPair

SAMPLE = 20_000
"""Values of which quantiles are taken; of more, a uniform sample."""
EXAMPLES = 10
"""Posts that are named for each change of a verdict."""
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Agreement:
    """At how many posts live model and candidate are on the same side of a recommended threshold, or are not."""

    use: str
    threshold: float
    both: int
    live_only: int
    candidate_only: int
    neither: int


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """One column at the posts that both measured. `quantiles` are of candidate minus live, by share, for numbers.

    `unknown` counts posts at which one of them is NULL and the other is not, `different` other unequal values.
    """

    name: str
    posts: int
    different: int
    unknown: int
    quantiles: Mapping[float, float]
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A post whose verdict would be another one; the rules are the deciding ones, "" if none is."""

    post_id: PostId
    before: Verdict
    after: Verdict
    rule_before: str
    rule_after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would change. `verdicts` counts posts by verdict before and after, `gained` and `lost` posts by live rule.

    `incomplete` posts are not compared: they were screened before the policy's signals were all there. Seconds are the
    candidate's for one post. `readers` still say what they said of the live model's result.
    """

    posts: int
    incomplete: int
    live_failures: Mapping[str, int]
    failures: Mapping[str, int]
    mean_seconds: float
    p95_seconds: float
    columns: tuple[ColumnDifference, ...]
    verdicts: Mapping[tuple[Verdict, Verdict], int]
    gained: Mapping[str, int]
    lost: Mapping[str, int]
    examples: tuple[Example, ...]
    readers: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """How many posts would have another verdict."""
        return sum(posts for (before, after), posts in self.verdicts.items() if before is not after)


def compare(
    pages: Iterable[Sequence[ShadowPair]],
    policy: Policy,
    spec: SignalSpec,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Walk the pages of what a candidate said for `spec`; `progress` gets the number of posts after each."""
    sums, seen = _Sums(spec), 0
    wanted = {one.name for one in policy.specs}
    for page in pages:
        whole = [pair for pair in page if wanted <= {result.signal for result in pair.live}]
        sums.incomplete += len(page) - len(whole)
        before = policy.judge([pair.live for pair in whole])
        after = policy.judge([substituted(pair) for pair in whole])
        for pair, one, other in zip(whole, before, after, strict=True):
            sums.add(pair, one, other)
        seen += len(page)
        progress(seen)
    return replace(sums.result(), readers=readers(policy.specs, spec))


def readers(specs: Sequence[SignalSpec], spec: SignalSpec) -> tuple[str, ...]:
    """The signals whose results rest on that of `spec`, at once or through others; each stands after what it needs."""
    found = [spec.name]
    for one in specs:
        if set(one.needs) & set(found):
            found.append(one.name)
    return tuple(found[1:])


def substituted(pair: ShadowPair) -> tuple[SignalResult, ...]:
    """The live results with the candidate's under the live signal's name."""
    found = pair.candidate.result
    return tuple(found if result.signal == found.signal else result for result in pair.live)


class _Sample:
    """A uniform sample of bounded size from a stream of numbers (Vitter's algorithm R), with its mean and extremes."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)  # noqa: S311 - a sample, not a secret
        self._kept: list[float] = []
        self.count = 0
        self._sum = 0.0
        self._low, self._high = float("inf"), float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self._sum += value
        self._low, self._high = min(self._low, value), max(self._high, value)
        if len(self._kept) < SAMPLE:
            self._kept.append(value)
        elif (place := self._random.randrange(self.count)) < SAMPLE:
            self._kept[place] = value

    @property
    def mean(self) -> float:
        return self._sum / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """Exact at both ends."""
        if not self.count:
            return 0.0
        if share in {0.0, 1.0}:
            return self._high if share else self._low
        return quantile(self._kept, share)


class _Sums:
    def __init__(self, spec: SignalSpec) -> None:
        self._spec = spec
        self._columns = [
            _ColumnSums(column.name, column.kind, _thresholds(spec, place)) for place, column in enumerate(spec.columns)
        ]
        self._seconds = _Sample()
        self.incomplete = 0
        self._posts = 0
        self._live_failures: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._verdicts: Counter[tuple[Verdict, Verdict]] = Counter()
        self._gained: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._examples: dict[tuple[Verdict, Verdict], list[Example]] = {}

    def add(self, pair: ShadowPair, before: Judgement, after: Judgement) -> None:
        self._posts += 1
        self._seconds.add(pair.candidate.seconds)
        live = next(result for result in pair.live if result.signal == self._spec.name)
        self._values(live, pair.candidate.result)
        change = (before.verdict, after.verdict)
        self._verdicts[change] += 1
        old, new = _true(before), _true(after)
        self._gained.update(new - old)
        self._lost.update(old - new)
        examples = self._examples.setdefault(change, [])
        if before.verdict is not after.verdict and len(examples) < EXAMPLES:
            rules = deciding_rule(before), deciding_rule(after)
            examples.append(Example(pair.post_id, before.verdict, after.verdict, *rules))

    def _values(self, live: SignalResult, candidate: SignalResult) -> None:
        if isinstance(live, SignalFailure):
            self._live_failures[live.reason] += 1
        if isinstance(candidate, SignalFailure):
            self._failures[candidate.reason] += 1
        if isinstance(live, Score | Match) and isinstance(candidate, Score | Match):
            for column in self._columns:
                column.add(live.values.get(column.name), candidate.values.get(column.name))

    def result(self) -> Comparison:
        return Comparison(
            posts=self._posts,
            incomplete=self.incomplete,
            live_failures=dict(self._live_failures),
            failures=dict(self._failures),
            mean_seconds=self._seconds.mean,
            p95_seconds=self._seconds.quantile(0.95),
            columns=tuple(column.result() for column in self._columns),
            verdicts=dict(self._verdicts),
            gained=dict(self._gained.most_common()),
            lost=dict(self._lost.most_common()),
            examples=tuple(one for examples in self._examples.values() for one in examples),
        )


@dataclass(slots=True)
class _ColumnSums:
    name: str
    kind: ColumnKind
    thresholds: Mapping[str, float]
    posts: int = 0
    different: int = 0
    unknown: int = 0
    differences: _Sample = field(default_factory=_Sample)
    sides: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)

    def add(self, live: Value, candidate: Value) -> None:
        self.posts += 1
        if live is None or candidate is None:
            self.unknown += live is not candidate
            return
        self.different += live != candidate
        if self.kind in {ColumnKind.FLOAT, ColumnKind.INTEGER}:
            first, second = float(live), float(candidate)
            self.differences.add(second - first)
            self.sides.update((use, first >= bar, second >= bar) for use, bar in self.thresholds.items())

    def result(self) -> ColumnDifference:
        known = self.differences.count
        return ColumnDifference(
            name=self.name,
            posts=self.posts,
            different=self.different,
            unknown=self.unknown,
            quantiles={share: self.differences.quantile(share) for share in SHARES} if known else {},
            agreements=tuple(
                Agreement(
                    use,
                    bar,
                    both=self.sides[use, True, True],
                    live_only=self.sides[use, True, False],
                    candidate_only=self.sides[use, False, True],
                    neither=self.sides[use, False, False],
                )
                for use, bar in self.thresholds.items()
            ),
        )


def _thresholds(spec: SignalSpec, place: int) -> Mapping[str, float]:
    """The column's recommended thresholds, or the signal's where it has a single column."""
    return spec.columns[place].recommended or (spec.recommended if len(spec.columns) == 1 else {})


def _true(judgement: Judgement) -> set[str]:
    """The live rules that are true."""
    return {hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE and hit.truth is Truth.TRUE}
