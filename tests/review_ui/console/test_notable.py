"""What is worth a look without a rule, and what says nothing."""

from collections.abc import Mapping

import pytest

from moderation.assembly import signal_specs
from moderation.domain.signal import Value
from review_ui.console.notable import ALARMING, EXPECTED, FINDINGS, MEASURES_NO_HARM, Weight, weight

RISING = {"high recall": 0.1, "balanced": 0.5, "high precision": 0.9}
FALLING = {"high recall": 0.8, "high precision": 0.4}


@pytest.mark.parametrize(
    ("value", "recommended", "expected"),
    [
        (0.5, RISING, Weight.NOTABLE),
        (0.49, RISING, Weight.PLAIN),
        (0.1, RISING, Weight.PLAIN),
        (0.09, RISING, Weight.IDLE),
        (0.4, FALLING, Weight.NOTABLE),
        (0.0, FALLING, Weight.NOTABLE),
        (0.8, FALLING, Weight.PLAIN),
        (0.9, FALLING, Weight.IDLE),
        (0.9, {}, Weight.PLAIN),
        (True, {"high recall": 1, "high precision": 1}, Weight.NOTABLE),
        (None, RISING, Weight.IDLE),
        (None, {}, Weight.IDLE),
        (0, {}, Weight.IDLE),
        (False, {}, Weight.IDLE),
        ("none", {}, Weight.IDLE),
        ("jpeg", {}, Weight.PLAIN),
    ],
)
def test_a_value_is_weighed_against_its_thresholds(
    value: Value, recommended: Mapping[str, float], expected: Weight
) -> None:
    assert weight("some_column", value, recommended) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("image_camera", True, Weight.NOTABLE),
        ("image_camera", False, Weight.IDLE),
        ("image_embedded_file", "archive", Weight.NOTABLE),
        ("picture_code_link_shortener", True, Weight.NOTABLE),
        ("picture_code_link_disguised", True, Weight.NOTABLE),
        ("picture_code_unread", True, Weight.NOTABLE),
        ("picture_code_unread", False, Weight.IDLE),
        ("caption_language_covered", False, Weight.NOTABLE),
        ("caption_language_covered", True, Weight.PLAIN),
        ("image_status", "decoded", Weight.PLAIN),
        ("image_status", "corrupt", Weight.NOTABLE),
        ("picture_text_status", "not_read", Weight.NOTABLE),
        ("picture_text_status", "none", Weight.IDLE),
        ("picture_text_likelihood", 0.99, Weight.PLAIN),
    ],
)
def test_some_columns_say_more_than_their_number(name: str, value: Value, expected: Weight) -> None:
    recommended = RISING if name in MEASURES_NO_HARM else {}
    assert weight(name, value, recommended) is expected


def test_every_named_column_is_one_of_a_signal() -> None:
    columns = {column.name for spec in signal_specs() for column in spec.columns}
    assert {*ALARMING, *FINDINGS, *EXPECTED, *MEASURES_NO_HARM} <= columns
