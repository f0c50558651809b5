from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, Value
from moderation.media.subject import Subject
from moderation.signals.contract import checked
from moderation.signals.runtime import measured
from moderation.signals.text_harm.model import MOST_TOKENS, TextHarmModel
from moderation.signals.text_harm.signal import TEXT_HARM, TextHarm
from tests import factories

pytestmark = pytest.mark.timeout(400)  # the first test trains and exports, which takes a busy machine minutes

NO_PICTURE = Refusal(RefusalReason.EMPTY)


@pytest.fixture(scope="module")
def signal(model: TextHarmModel) -> TextHarm:
    return TextHarm(model)


def _subject(caption: str, prompt: str, picture_text: SignalResult | None = None) -> Subject:
    post = replace(factories.a_post(), caption=caption, prompt=prompt)
    return Subject(post, NO_PICTURE, {} if picture_text is None else {"picture_text": picture_text})


def _read(text: str, status: str = "read") -> Score:
    return Score("picture_text", {"picture_text_status": status}, detail={"text": text})


def _values(signal: TextHarm, *subjects: Subject) -> list[dict[str, Value]]:
    results = signal.measure(subjects)
    assert len(results) == len(subjects)
    found = []
    for subject, result in zip(subjects, results, strict=True):
        believed = checked(result, TEXT_HARM, subject)
        assert isinstance(believed, Score), believed
        found.append(dict(believed.values))
    return found


def test_every_surface_has_its_own_scores(signal: TextHarm) -> None:
    (values,) = _values(signal, _subject("quiet nude walk", "green tree painting", _read("happy dog")))
    assert values["caption_sexual_score"] > 0.5 > values["prompt_sexual_score"]  # type: ignore[operator]
    assert values["picture_text_sexual_score"] is not None
    assert -1 <= values["caption_prompt_similarity"] <= 1  # type: ignore[operator]
    assert values["prompt_picture_text_similarity"] is not None


def test_the_text_in_the_picture_counts_like_a_caption(signal: TextHarm) -> None:
    (values,) = _values(signal, _subject("", "", _read("nude people")))
    assert values["picture_text_sexual_score"] > 0.5  # type: ignore[operator]
    assert values["caption_sexual_score"] == 0.0


def test_empty_texts_score_zero_and_have_no_similarity(signal: TextHarm) -> None:
    (values,) = _values(signal, _subject("", "  ", _read("", "none")))
    assert values["caption_prompt_similarity"] is None
    assert values["prompt_picture_text_similarity"] is None
    assert {value for name, value in values.items() if name.endswith("_score")} == {0.0}


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        _read("", "not_read"),
        SignalFailure("picture_text", FailureReason.TIMED_OUT),
        Score("picture_text", {}),
    ],
)
def test_a_picture_that_was_not_read_is_unknown_not_harmless(signal: TextHarm, earlier: SignalResult | None) -> None:
    (values,) = _values(signal, _subject("a cat", "a cat", earlier))
    unknown = {name for name, value in values.items() if value is None}
    assert unknown == {name for name in values if name.startswith("picture_text_")} | {"prompt_picture_text_similarity"}


def test_the_same_text_twice_is_alike(signal: TextHarm) -> None:
    (values,) = _values(signal, _subject("a cat on a tree", "a cat on a tree"))
    assert values["caption_prompt_similarity"] == pytest.approx(1.0, abs=1e-5)


def test_a_batch_gives_each_post_its_own_values(signal: TextHarm) -> None:
    subjects = [_subject("quiet nude walk", "tree"), _subject("green garden", "nude people"), _subject("", "")]
    together = _values(signal, *subjects)
    for subject, values in zip(subjects, together, strict=True):
        (alone,) = _values(signal, subject)
        for name, value in alone.items():
            assert values[name] == (None if value is None else pytest.approx(value, abs=0.12)), name
    assert signal.measure([]) == []


def test_a_text_of_characters_that_stand_for_many_fails_closed_and_alone(signal: TextHarm) -> None:
    swollen, plain = _subject("\u2026" * (MOST_TOKENS // 2) + " the cat", ""), _subject("a cat", "")
    failed, score = measured(signal, [swollen, plain])
    assert isinstance(failed, SignalFailure)
    assert failed.reason is FailureReason.TIMED_OUT
    assert isinstance(score, Score)


def test_stuffed_posts_fail_and_leave_the_others_their_time(signal: TextHarm, monkeypatch: pytest.MonkeyPatch) -> None:
    stuffed = [_subject("", "the cat saw a tree " * (200 + number)) for number in range(3)]
    plain = _subject("a nude walk", "a cat")
    longest = _tokens_read(signal, stuffed[-1].post.prompt)
    monkeypatch.setattr("moderation.signals.text_harm.signal.MOST_BATCH_TOKENS", longest)
    *crowded, score = measured(signal, [*stuffed[::-1], plain])
    assert [type(result) for result in crowded] == [SignalFailure, SignalFailure, Score]
    assert isinstance(score, Score)
    assert score.values == pytest.approx(_values(signal, plain)[0], abs=1e-6)


def _tokens_read(signal: TextHarm, text: str) -> int:
    """The least budget with which the text is read."""
    low, high = 0, 100_000
    while high - low > 1:
        middle = (low + high) // 2
        unread = np.isnan(signal._model.read([text], budget=middle).logits).any()
        low, high = (middle, high) if unread else (low, middle)
    return high
