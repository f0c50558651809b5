"""How alike a picture is to rejected ones: against the plainest way to compute it, and when nothing can be said."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.rejected_picture import RejectedChange, RejectedPicture
from moderation.domain.signal import FailureReason, Features, Score, SignalFailure, SignalResult
from moderation.media.subject import Picture, Subject
from moderation.signals.image_similarity import ALIKE, CHECK_SECONDS, IMAGE_SIMILARITY, ImageSimilarity
from moderation.signals.runtime import SignalRuntime
from tests.factories import a_failure, a_post, facts
from tests.signals.test_runtime import Stub

MODEL, OTHER = Digest("a" * 64), Digest("b" * 64)
SIZE = 8
vectors = st.lists(st.integers(-127, 127), min_size=SIZE, max_size=SIZE).map(lambda values: np.array(values, np.int8))


class Log:
    """`RejectedPictures` in memory: changes in order."""

    def __init__(self) -> None:
        self.whole: list[RejectedPicture] = []
        self.later: list[RejectedChange] = []
        self.asked: list[int | None] = []
        self.down = False

    def changes(self, after: int | None, *, most: int) -> RejectedChange:
        if self.down:
            raise UnavailableError("the database is away")
        self.asked.append(after)
        if after is None:
            return RejectedChange(0, tuple(self.whole[:most]), whole=True)
        return self.later.pop(0) if self.later else RejectedChange(after, ())


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def features(vector: np.ndarray[tuple[int], np.dtype[np.int8]], model: Digest = MODEL) -> Features:
    return Features(model, vector.tobytes())


def towards(*values: int, model: Digest = MODEL) -> Features:
    return features(np.array([*values, *[0] * (SIZE - len(values))], np.int8), model)


def rejected(name: str, seen: Features) -> RejectedPicture:
    return RejectedPicture(PostId(name), seen)


def seeing(seen: Features | None, name: str = "asked") -> Subject:
    score = Score("image_nsfw", {"image_nsfw": 0.5}, features=seen)
    return Subject(a_post(post_id=name), Picture(facts(), ()), {"image_nsfw": score})


def said(result: SignalResult) -> tuple[object, object, object]:
    assert isinstance(result, Score), result
    similarity = result.values["image_rejected_similarity"]
    return similarity, result.values["image_rejected_similar"], result.detail["nearest"]


def ask(signal: ImageSimilarity, *seen: Features) -> list[tuple[object, object, object]]:
    return [said(result) for result in signal.measure([seeing(one) for one in seen])]


def test_on_the_first_day_nothing_is_similar() -> None:
    assert ask(ImageSimilarity(Log()), towards(127)) == [(0.0, 0, "")]


def test_it_finds_the_most_similar_and_counts_those_that_are_alike() -> None:
    log = Log()
    log.whole = [rejected("same", towards(127)), rejected("near", towards(126, 10)), rejected("far", towards(0, 127))]
    [(similarity, similar, nearest)] = ask(ImageSimilarity(log), towards(120))
    assert (similarity, similar, nearest) == (pytest.approx(1.0), 2, "same")


def test_without_features_nothing_is_said() -> None:
    [result] = ImageSimilarity(Log()).measure([seeing(None)])
    assert said(result) == (None, None, "")


@pytest.mark.parametrize("earlier", [{}, {"image_nsfw": a_failure()}])
def test_a_classifier_that_failed_is_a_failure_here(earlier: dict[str, SignalResult]) -> None:
    [result] = ImageSimilarity(Log()).measure([Subject(a_post(), Picture(facts(), ()), earlier)])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.ERROR


def test_a_refused_picture_is_a_failure() -> None:
    subject = Subject(a_post(), Refusal(RefusalReason.TRUNCATED, "ends early"), {"image_nsfw": a_failure()})
    [result] = ImageSimilarity(Log()).measure([subject])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.UNDECODABLE


def test_models_are_not_compared_with_each_other() -> None:
    log = Log()
    log.whole = [rejected("theirs", towards(127, model=OTHER)), rejected("ours", towards(0, 127))]
    signal = ImageSimilarity(log)
    first, second = ask(signal, towards(127), towards(127, model=OTHER))
    assert first == (pytest.approx(0.0), 0, "ours")
    assert second == (pytest.approx(1.0), 1, "theirs")


def test_a_post_is_not_compared_with_itself() -> None:
    log = Log()
    log.whole = [rejected("asked", towards(127)), rejected("other", towards(0, 127))]
    assert ask(ImageSimilarity(log), towards(127)) == [(pytest.approx(0.0), 0, "other")]
    log.whole = log.whole[:1]
    assert ask(ImageSimilarity(log), towards(127)) == [(0.0, 0, "")]


def test_it_follows_what_is_rejected_and_what_is_not_any_more() -> None:
    log, watch = Log(), Watch()
    signal = ImageSimilarity(log, monotonic=watch)
    signal.refresh()
    log.later = [
        RejectedChange(5, (rejected("new", towards(127)),)),
        RejectedChange(9, (), (PostId("new"), PostId("never there"))),
    ]
    signal.refresh()
    assert ask(signal, towards(127)) == [(0.0, 0, "")]
    watch.now += CHECK_SECONDS
    signal.refresh()
    assert ask(signal, towards(127)) == [(pytest.approx(1.0), 1, "new")]
    watch.now += CHECK_SECONDS
    signal.refresh()
    assert ask(signal, towards(127)) == [(0.0, 0, "")]
    assert log.asked == [None, 0, 5]


def test_what_cannot_be_known_is_told() -> None:
    log, watch = Log(), Watch()
    log.down = True
    signal = ImageSimilarity(log, monotonic=watch)
    with pytest.raises(UnavailableError):
        signal.refresh()
    image_nsfw = Stub("image_nsfw", lambda batch: [Score("image_nsfw", {"image_nsfw": 1}) for _ in batch])
    [(_, result)] = SignalRuntime([image_nsfw, signal]).measure([seeing(towards(127))])
    assert isinstance(result, SignalFailure)
    log.down = False
    signal.refresh()
    watch.now += CHECK_SECONDS
    log.down = True
    with pytest.raises(UnavailableError):
        signal.refresh()


def test_features_of_another_length_are_a_failure_and_not_a_guess() -> None:
    log = Log()
    log.whole = [rejected("long", Features(MODEL, bytes(SIZE + 1))), rejected("right", towards(1))]
    [result] = ImageSimilarity(log).measure([seeing(towards(127))])
    assert isinstance(result, SignalFailure)
    assert "values, not" in result.detail
    log.whole = [rejected("right", towards(1))]
    [short] = ImageSimilarity(log).measure([seeing(Features(MODEL, b"\x01"))])
    assert isinstance(short, SignalFailure)


def test_the_oldest_make_room_for_the_newest() -> None:
    log, watch = Log(), Watch()
    log.whole = [rejected("newest", towards(0, 127)), rejected("older", towards(0, 0, 127))]
    signal = ImageSimilarity(log, most=2, monotonic=watch)
    signal.refresh()
    log.later = [RejectedChange(1, (rejected("just now", towards(127)),))]
    watch.now += CHECK_SECONDS
    signal.refresh()
    found = ask(signal, towards(127), towards(0, 127), towards(0, 0, 127))
    assert [nearest for similarity, _, nearest in found if similarity == pytest.approx(1.0)] == ["just now", "newest"]


def test_a_black_picture_is_similar_to_nothing() -> None:
    log = Log()
    log.whole = [rejected("black", towards(0)), rejected("white", towards(127))]
    assert [(similarity, similar) for similarity, similar, _ in ask(ImageSimilarity(log), towards(0))] == [(0.0, 0)]


def plain(query: np.ndarray[tuple[int], np.dtype[np.int8]], known: Sequence[RejectedPicture]) -> list[float]:
    """Cosines in double precision, one by one."""
    found = []
    for picture in known:
        other = np.frombuffer(picture.features.values, np.int8).astype(np.float64)
        own = query.astype(np.float64)
        lengths = float(np.linalg.norm(own) * np.linalg.norm(other))
        found.append(float(own @ other) / lengths if lengths else 0.0)
    return found


@given(
    st.lists(vectors, max_size=6), st.lists(vectors, min_size=1, max_size=4), st.lists(st.integers(0, 5), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_it_says_what_the_plainest_computation_says(
    known: list[np.ndarray[tuple[int], np.dtype[np.int8]]],
    asked: list[np.ndarray[tuple[int], np.dtype[np.int8]]],
    gone: list[int],
) -> None:
    log, watch = Log(), Watch()
    log.whole = [rejected(f"post-{number}", features(vector)) for number, vector in enumerate(known)]
    signal = ImageSimilarity(log, monotonic=watch)
    signal.refresh()
    names = {PostId(f"post-{number}") for number in gone}
    log.later = [RejectedChange(1, (), tuple(names))]
    watch.now += CHECK_SECONDS
    signal.refresh()
    left = [picture for picture in log.whole if picture.post_id not in names]
    for vector, (similarity, similar, _) in zip(asked, ask(signal, *map(features, asked)), strict=True):
        cosines = plain(vector, left)
        assert similarity == pytest.approx(max(cosines, default=0.0), abs=1e-5)
        assert sum(one >= ALIKE + 1e-5 for one in cosines) <= int(str(similar))
        assert sum(one >= ALIKE - 1e-5 for one in cosines) >= int(str(similar))


def test_its_answers_keep_to_its_spec() -> None:
    log = Log()
    log.whole = [rejected("same", towards(127, 127, 127))]
    image_nsfw = Stub(
        "image_nsfw",
        lambda batch: [Score("image_nsfw", {"image_nsfw": 1}, features=towards(127, 127, 127)) for _ in batch],
    )
    [(_, result)] = SignalRuntime([image_nsfw, ImageSimilarity(log)]).measure([seeing(None)])
    assert said(result) == (pytest.approx(1.0), 1, "same")
    assert IMAGE_SIMILARITY.needs == ("image_nsfw",)
