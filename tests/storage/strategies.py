"""Any screening at all, for properties."""

from datetime import UTC, datetime
from typing import TypeVar

from hypothesis import strategies as st

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import BankHit, FailureReason, Match, PictureHash, Score, SignalFailure, Span, Surface
from moderation.domain.verdict import Comparison, Judgement, Pins, RuleHit, RuleStatus, Screening, Truth, Verdict

T = TypeVar("T")

words = st.text(max_size=20)
numbers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
values = st.one_of(st.none(), st.booleans(), numbers, floats, words)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(Digest)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - as it wants
    lambda time: time.replace(fold=0)
)
"""Without `fold`, which means nothing in UTC and is in no document."""


def several(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, max_size=3).map(tuple)


columns = st.dictionaries(words, values, max_size=4)
spans = st.builds(Span, st.sampled_from(Surface), numbers, numbers, words, words)
hits = st.builds(
    BankHit,
    words,
    words,
    words,
    numbers,
    numbers,
    numbers,
    words,
    words,
    words,
    st.none() | numbers,
    words,
    st.booleans(),
)
hashes = st.builds(PictureHash, numbers, digests, numbers, words, words, words, numbers)
results = st.one_of(
    st.builds(Score, words, columns, several(spans), columns),
    st.builds(Match, words, columns, several(hits), words, several(hashes), st.none() | times),
    st.builds(SignalFailure, words, st.sampled_from(FailureReason), words),
)
comparisons = st.builds(Comparison, words, words, values, words, words, words, st.sampled_from(Truth))
rules = st.builds(
    RuleHit,
    words,
    st.sampled_from(RuleStatus),
    st.sampled_from(Truth),
    st.sampled_from(Verdict),
    words,
    words,
    words,
    several(comparisons),
)
judgements = st.builds(
    Judgement, st.sampled_from(Verdict), st.booleans(), words, words, words, several(rules), several(words)
)
names = st.dictionaries(words, words, max_size=3)
screenings = st.builds(
    Screening,
    id=words.map(ScreeningId),
    post_id=words.map(PostId),
    lane=words,
    attempt=numbers,
    started_at=times,
    finished_at=times,
    image=st.one_of(
        st.builds(ImageFacts, words, numbers, numbers, numbers, words),
        st.builds(Refusal, st.sampled_from(RefusalReason), words),
    ),
    results=several(results),
    judgement=judgements,
    pins=st.builds(Pins, digests, digests, words, names, names, words),
    seconds=st.dictionaries(words, floats, max_size=4),
)
