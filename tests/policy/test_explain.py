"""Explanations are read by moderators: their text is a file."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import BankHit, Match, Score, SignalResult, Span, Surface
from moderation.domain.verdict import Pins, Screening
from moderation.policy.compile import compile_policy
from moderation.policy.explain import explain
from tests.policy.signals import SPECS, document, results

FOLDER = Path(__file__).parent / "explanations"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = compile_policy(
    document(
        "certain: image_nsfw >= certain -> reject",
        "possible: image_nsfw BETWEEN possible AND certain AND NOT image_status IN ('corrupt') -> hold adult",
        "broken: image_status <> 'decoded' -> hold files",
        "words: caption_adult + caption_hate >= 3 OR LEAST(caption_adult, caption_hate) > 1 -> hold adult",
        "young: COALESCE(author_age_days, 9) < 1 AND caption_link_shortener -> hold spam",
        "shape: image_width = COALESCE(image_height, 1) AND image_width IS NOT NULL -> hold shapes shadow",
        thresholds="{certain: {value: 0.9, why: w}, possible: {value: 0.5, why: w}}",
    ),
    SPECS,
    source="test.yaml",
)
PINS = Pins(
    policy=POLICY.digest,
    image=Digest("ab" * 32),
    bank_checkpoint="17",
    signals={"image_nsfw": "1", "image_match": "1"},
    models={"opennsfw": "86" * 32},
)


def a_screening(found: tuple[SignalResult, ...], image: ImageFacts | Refusal) -> Screening:
    [judgement] = POLICY.judge([found])
    pins = replace(PINS, policy=Digest("cd" * 32))
    return Screening(ScreeningId("s"), PostId("p"), "lane-1", 1, NOW, NOW, image, found, judgement, pins)


def with_words() -> tuple[SignalResult, ...]:
    found = results(caption_adult=2, caption_hate=2, image_nsfw=0.62, image_width=480)
    span = Span(Surface.CAPTION, 3, 8, "adult", "nudes")
    return tuple(
        replace(result, spans=(span,)) if isinstance(result, Score) and result.signal == "caption_terms" else result
        for result in found
    )


BANKED = Match(
    "image_match",
    {"image_match_effect": "block", "image_match_distance": 4},
    (BankHit("BANNED", "e1", "block", 4, 100, 0, "ticket 17"),),
    "17",
)
FACTS = ImageFacts("png", 480, 480, 1, "RGB")
SCREENINGS = {
    "approved": a_screening(results(), replace(FACTS, format="gif", frames=12)),
    "rejected": a_screening(results(image_nsfw=0.971234567), FACTS),
    "held": a_screening(with_words(), FACTS),
    "undecodable": a_screening(
        results("image_nsfw", image_status="truncated"), Refusal(RefusalReason.TRUNCATED, "the file ends early")
    ),
    "young": a_screening(results(author_age_days=0.25, caption_link_shortener=True), FACTS),
    "banked": replace(a_screening(results(), FACTS), results=(BANKED,)),
}


@pytest.mark.parametrize("name", SCREENINGS)
def test_an_explanation_names_rules_numbers_and_what_it_rests_on(name: str) -> None:
    path = FOLDER / f"{name}.txt"
    text = "\n".join(explain(SCREENINGS[name])) + "\n"

    if os.environ.get("MODERATION_WRITE_EXPECTED"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
