# ruff: noqa: RUF001 - look-alike letters are what is tested
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.media.confusables import CONFUSABLES
from moderation.signals.terms.document import Category, TermList, term_lists
from moderation.signals.terms.matcher import Matcher, severities

TOY = TermList.model_validate(
    {
        "version": 1,
        "category": "violence",
        "sets": {"fruit": "apple|apples|passion fruit"},
        "groups": [
            {"severity": 3, "note": "", "terms": ["smash all {fruit}", "{fruit} must fall", "squash*"]},
            {"severity": 2, "note": "", "terms": ["smash ? melon", "smashing", "boot"]},
            {"severity": 1, "note": "", "terms": ["smash", "lob"]},
        ],
        "harmless": ["smash ? avocado", "squash racket"],
    }
)
MATCHER = Matcher([TOY])
"""Built once: it takes no part in what is tested."""


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.term.phrase, text[hit.start : hit.end]) for hit in MATCHER.hits(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a smashed window", []),
        ("Smash!", [("smash", "Smash")]),
        ("smash-up, SMASHING", [("smash", "smash"), ("smashing", "SMASHING")]),
        ("smash_it", [("smash", "smash")]),
        ("it's a boot's lace", [("boot", "boot's")]),
        ("smash the melon", [("smash", "smash"), ("smash ? melon", "smash the melon")]),
        ("smash melon", [("smash", "smash"), ("smash ? melon", "smash melon")]),
        ("smash a ripe melon", [("smash", "smash")]),
        ("smash all apples", [("smash", "smash"), ("smash all {fruit}", "smash all apples")]),
        ("smash all passion fruit", [("smash", "smash"), ("smash all {fruit}", "smash all passion fruit")]),
        ("Passion Fruit must fall", [("{fruit} must fall", "Passion Fruit must fall")]),
        ("smash all pears", [("smash", "smash")]),
        ("squashed", [("squash*", "squashed")]),
        ("musquash", []),
        ("smash the avocado", []),
        ("smash avocado and smash", [("smash", "smash")]),
        ("squash racket, squash", [("squash*", "squash")]),
    ],
)
def test_terms_are_found_by_whole_words(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sm4sh1ng",
        "smаshing",
        "ｓｍａｓｈｉｎｇ",
        "sma\u200bsh\u00ading",
        "s m a s h i n g",
        "s.m.a.s.h.i.n.g",
        "s-m-@-s-h-1-n-g",
        "smaaaaashing",
        "𝓈𝓂𝒶𝓈𝒽𝒾𝓃𝑔",
        "s̶m̶a̶s̶h̶i̶n̶g̶",
        "smashing2000",
        "🆂🅼🅰🆂🅷🅸🅽🅶",
    ],
)
def test_disguises_are_seen_through_and_shown_whole(text: str) -> None:
    framed = f"so {text} nice"
    (hit,) = MATCHER.hits(framed)
    assert hit.term.phrase == "smashing"
    # A mark over the last letter is part of it, but shows nothing by itself.
    shown = framed[hit.start : hit.end]
    assert text.startswith(shown)
    assert not any(unicodedata.category(left)[0] == "L" for left in text[len(shown) :])


def test_one_and_l_are_both_tried() -> None:
    assert [phrase for phrase, _ in found("1ob smash1ng")] == ["lob", "smashing"]


def test_held_letters_match_only_words_that_have_them() -> None:
    assert [phrase for phrase, _ in found("booooot")] == ["boot"]
    assert [phrase for phrase, _ in found("bootttt")] == ["boot"]
    assert found("bot") == []
    assert found("boott") == []


def test_words_between_bars_are_words() -> None:
    assert [phrase for phrase, _ in found("boot|smashing|x")] == ["boot", "smashing"]


def test_an_article_beside_letters_written_apart_stays_a_word() -> None:
    assert found("a b o o t a") == [("boot", "b o o t")]


def test_run_together_letters_are_searched_for_clear_terms() -> None:
    assert [phrase for phrase, _ in found("n i c e s m a s h i n g t h i n g s")] == ["smashing"]
    assert found("r e b o o t i n g s") == []


def test_severities_are_the_highest_by_category() -> None:
    assert severities(MATCHER.hits("smash smashing"))[Category.VIOLENCE] == 2
    assert severities([]) == dict.fromkeys(Category, 0)


def test_unknown_and_doubled_sets_are_refused() -> None:
    nameless = TOY.model_copy(update={"sets": {}})
    with pytest.raises(ValueError, match="fruit"):
        Matcher([nameless])
    with pytest.raises(ValueError, match="fruit"):
        Matcher([TOY, TOY])


def oracle(text: str) -> set[tuple[str, int, int]]:
    """Every single-word term by splitting at blanks: slow and obvious."""
    single = {"smashing", "boot", "smash", "lob"}
    starts = [index for index in range(len(text)) if text[index] != " " and (index == 0 or text[index - 1] == " ")]
    words = [(start, text[start:].split(" ", maxsplit=1)[0]) for start in starts]
    return {(word, start, start + len(word)) for start, word in words if word in single}


@given(st.lists(st.sampled_from(["smash", "smashing", "boot", "lob", "it", "boots", "nice"]), max_size=12))
def test_plain_words_match_as_the_slow_way_says(words: list[str]) -> None:
    text = " ".join(words)
    assert {(hit.term.phrase, hit.start, hit.end) for hit in MATCHER.hits(text)} == oracle(text)


@given(st.text(max_size=200))
def test_hits_lie_inside_any_text(text: str) -> None:
    for hit in MATCHER.hits(text):
        assert 0 <= hit.start < hit.end <= len(text)


WORK = [
    *("kill ", "not naked ", "kill a process ", "kill all the ", "exterminate all immigrants ", "how many pills "),
    *("n u d e ", "a ", "p0rn ", "n.u.d.e ", "aaa", "\u0430", "a1", "!|+", "-a", "black people "),
]


@pytest.mark.parametrize("unit", WORK)
def test_work_grows_in_step_with_the_text(unit: str, shipped: Matcher) -> None:
    """Counted in steps of the interpreter, not in seconds."""
    short, long = unit * (1_000 // len(unit)), unit * (10_000 // len(unit))
    assert steps(shipped, long) < 15 * steps(shipped, short) + 10_000


def steps(matcher: Matcher, text: str) -> int:
    import sys  # noqa: PLC0415 - only here

    count = 0

    def count_calls(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(count_calls)
    try:
        matcher.hits(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(scope="module")
def shipped() -> Matcher:
    return Matcher(term_lists())


def clear(matcher: Matcher, text: str) -> set[Category]:
    return {category for category, severity in severities(matcher.hits(text)).items() if severity >= 2}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("a nude woman on a bed", Category.ADULT),
        ("explicit pornographic scene", Category.ADULT),
        ("topless at the beach", Category.ADULT),
        ("a beheading in a square", Category.VIOLENCE),
        ("a man stabbing someone", Category.VIOLENCE),
        ("blowing up a building full of people", Category.VIOLENCE),
        ("exterminate all immigrants", Category.HATE),
        ("keep refugees out of our town", Category.HATE),
        ("muslims are vermin", Category.HATE),
        ("you are a worthless idiot", Category.HARASSMENT),
        ("I will find you and hurt you", Category.HARASSMENT),
        ("go kill yourself", Category.HARASSMENT),
        ("I want to kill myself tonight", Category.SELF_HARM),
        ("writing a suicide note", Category.SELF_HARM),
        ("thinspiration goals", Category.SELF_HARM),
        ("loli art", Category.MINORS),
        ("guaranteed returns, double your bitcoin", Category.SPAM),
        ("buy followers cheap", Category.SPAM),
        ("verify your account here", Category.SPAM),
    ],
)
def test_clear_harm_is_clear(shipped: Matcher, text: str, category: Category) -> None:
    assert category in clear(shipped, text)


@pytest.mark.parametrize(
    "text",
    [
        "how to kill a process on linux",
        "shoot a portrait at golden hour",
        "photo shoot of a model in a red dress",
        "nude lipstick and beige heels",
        "Scunthorpe, Penistone, Middlesex and Essex",
        "a cocktail with a grape and a peacock",
        "an assassin bug on a bass guitar, classic assembly",
        "therapist reading Analysis of Shiitake",
        "a great tit on a branch, blue tits nesting",
        "chicken breast grilled with rosemary",
        "pussy willow in spring",
        "a killer whale jumping",
        "this workout is killing me",
        "Moby Dick, Dick Tracy and Philip K Dick",
        "breast cancer awareness ribbon",
        "suicide prevention hotline poster",
        "a rally against hatred of immigrants",
        "hating women is wrong",
        "black people deserve equal rights",
        "a gay couple at their wedding, muslim women at the market",
        "Maine coon kitten",
        "a chink in the armor",
        "murder of crows over a field",
        "texas chainsaw massacre poster style",
        "rapeseed field in bloom",
        "same sex marriage, sex education class",
        "the team got destroyed in the final",
        "cutting a birthday cake with a knife",
        "V I N T A G E  C O C K T A I L  B A R",
        "child playing with a kite, mother and baby",
        "no nudity, not naked",
        "stop child abuse",
        "naked mole rat with the naked eye",
        "star wars battle, world war memorial",
        "bath bomb, photo bomb, cherry bomb",
    ],
)
def test_harmless_lookalikes_are_not_clear(shipped: Matcher, text: str) -> None:
    assert clear(shipped, text) == set()


def rows(shared: Path, name: str) -> list[dict[str, object]]:
    lines = (shared / "datasets" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(("name", "most"), [("coco_benign_train", 0.002), ("art_prompts_benign", 0.003)])
def test_ordinary_captions_and_prompts_raise_few_false_alarms(
    shared: Path, shipped: Matcher, name: str, most: float
) -> None:
    texts = [str(row["text"]) for row in rows(shared, name)]
    assert sum(bool(clear(shipped, text)) for text in texts) <= most * len(texts)


LABELS = {
    "S": Category.ADULT,
    "V": Category.VIOLENCE,
    "H": Category.HATE,
    "HR": Category.HARASSMENT,
    "SH": Category.SELF_HARM,
}
LEET = str.maketrans("oieastbg", "013@$789")


def lookalikes(text: str) -> str:
    chosen = {letter: lookalike for lookalike, letter in CONFUSABLES.items()}
    return "".join(chosen.get(character, character) for character in text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "none": str,
    "upper case": str.upper,
    "fullwidth": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "lookalikes": lookalikes,
    "zero width": "\u200b".join,
    "struck through": "\u0336".join,
    "leetspeak": lambda text: text.translate(LEET),
    "letters apart": lambda text: "  ".join(" ".join(word) for word in text.split()),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_recall_survives_disguises(shared: Path, shipped: Matcher, disguise: str) -> None:
    harmful = [row for row in rows(shared, "synth_captions") if any(_labels(row))]
    sample = random.Random(7).sample(harmful, 600)
    asked = [(DISGUISES[disguise](str(row["text"])), LABELS[label]) for row in sample for label in _labels(row)]
    recall = sum(category in clear(shipped, text) for text, category in asked) / len(asked)
    assert recall >= 0.93


def _labels(row: dict[str, object]) -> Sequence[str]:
    labels = row["labels"]
    assert isinstance(labels, dict)
    return [label for label in LABELS if labels.get(label) == 1]
