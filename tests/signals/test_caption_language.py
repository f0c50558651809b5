import json
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Score, Value
from moderation.media.subject import Subject
from moderation.signals.caption_language import CAPTION_LANGUAGE, NOT_ASKED, CaptionLanguage
from moderation.signals.contract import checked
from tests.factories import a_post
from tests.signals.language_captions import ENGLISH, OTHERS, RELATIVES, ROMANISED, WORDLESS

MISSED_ENGLISH = {
    "Día de los Muertos parade, street photography",
    "Crème brûlée in a café",
    "la la land vibes",
}
FILES = ("coco_benign_train", "art_prompts_benign", "synth_captions", "nibbler_prompts_train")
EACH = 700


@pytest.fixture(scope="module")
def signal() -> CaptionLanguage:
    return CaptionLanguage.load()


def measured(signal: CaptionLanguage, caption: str) -> dict[str, Value]:
    subject = Subject(a_post(caption=caption), Refusal(RefusalReason.CORRUPT))
    (result,) = signal.measure([subject])
    assert checked(result, CAPTION_LANGUAGE, subject) is result
    assert isinstance(result, Score)
    return dict(result.values)


@pytest.mark.parametrize("language", sorted(OTHERS))
def test_captions_of_other_languages_are_named_and_not_covered(signal: CaptionLanguage, language: str) -> None:
    found = [measured(signal, caption) for caption in OTHERS[language]]
    assert not any(values["caption_language_covered"] for values in found)
    right = sum(values["caption_language"] == language for values in found)
    assert right >= 0.5 * len(found)


@pytest.mark.parametrize("language", sorted(RELATIVES))
def test_captions_between_two_relatives_are_not_covered(signal: CaptionLanguage, language: str) -> None:
    assert not any(measured(signal, caption)["caption_language_covered"] for caption in RELATIVES[language])


@pytest.mark.parametrize("caption", ROMANISED)
def test_romanised_captions_are_not_covered(signal: CaptionLanguage, caption: str) -> None:
    assert not measured(signal, caption)["caption_language_covered"]


def test_letters_spaced_out_are_not_english(signal: CaptionLanguage) -> None:
    assert not measured(signal, "o d i o a e s t a g e n t e")["caption_language_covered"]


def test_it_says_which_languages_it_can_name() -> None:
    labels = LanguageIdentifier.from_model_file(MODEL_FILE).labels
    assert set(CAPTION_LANGUAGE.languages) == set(labels) - NOT_ASKED


def test_short_english_captions_are_covered(signal: CaptionLanguage) -> None:
    lost = {caption for caption in ENGLISH if not measured(signal, caption)["caption_language_covered"]}
    assert lost == MISSED_ENGLISH


@pytest.mark.parametrize("caption", WORDLESS)
def test_captions_without_words_are_covered_and_undetermined(signal: CaptionLanguage, caption: str) -> None:
    assert measured(signal, caption) == {
        "caption_language": "und",
        "caption_language_confidence": 0.0,
        "caption_language_covered": True,
    }


def test_mixed_captions_are_covered_when_most_words_are_english(signal: CaptionLanguage) -> None:
    covered = "a quiet evening in the garden with un gato"
    foreign = "un gato muy lindo durmiendo en el sofá with my friend"
    assert measured(signal, covered)["caption_language_covered"]
    assert not measured(signal, foreign)["caption_language_covered"]
    half = (
        "what a lovely day in the park my friends. Wir gehen heute alle zusammen in den großen Park, und danach essen."
    )
    assert not measured(signal, half)["caption_language_covered"]


def test_english_words_and_one_of_another_script_are_covered(signal: CaptionLanguage) -> None:
    assert measured(signal, "My friend gave me the name Мария for this picture")["caption_language_covered"]
    assert not measured(signal, "Мария и её друг in the park")["caption_language_covered"]


def test_english_in_look_alike_letters_is_not_another_script(signal: CaptionLanguage) -> None:
    assert measured(signal, "p\u043ern \u0440ics \uff46\uff52\uff45\uff45")["caption_language_covered"]


def test_a_long_text_is_judged_by_all_of_its_parts(signal: CaptionLanguage) -> None:
    english, german = (
        "the castle stands on a hill over the quiet sea ",
        "das alte Schloss steht auf einem Hügel am Meer ",
    )
    assert measured(signal, english * 150 + german * 40)["caption_language_covered"]
    assert not measured(signal, english * 40 + german * 150)["caption_language_covered"]


@pytest.mark.parametrize("unit", ["word and other ", "я", "é", "a b ", "un gato ", "ah "])
def test_ten_thousand_characters_take_bounded_time(signal: CaptionLanguage, unit: str) -> None:
    started = time.process_time()
    measured(signal, unit * (10_000 // len(unit)))
    assert time.process_time() - started < 0.5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(caption=st.text(max_size=200))
def test_any_caption_gives_declared_values(signal: CaptionLanguage, caption: str) -> None:
    measured(signal, caption)


def test_english_captions_and_prompts_of_the_corpora_stay_english(signal: CaptionLanguage, shared: Path) -> None:
    texts: list[str] = []
    for name in FILES:
        rows = (shared / "datasets" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        texts += [json.loads(row)["text"] for row in rows[:: max(1, len(rows) // EACH)]]
    covered = sum(bool(signal.values(text)["caption_language_covered"]) for text in texts)
    assert len(texts) > 2_500
    assert covered >= 0.995 * len(texts)


def test_english_here_and_there_in_a_long_caption_hides_no_other_language(signal: CaptionLanguage) -> None:
    english = "the cat and the dog walk over there "
    german = "wir fahren morgen mit unseren Freunden ins Gebirge "
    caption = "".join(english if number % 3 == 0 else german for number in range(190))
    assert signal.values(caption)["caption_language_covered"] is False
