from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.pdq import to_hex
from review_ui.api.matching.hma_content import DISABLED, ENABLED, FIVE_YEARS_S, begins_at
from review_ui.api.matching.v1_lookup import distance
from review_ui.api.matching.values import NEVER, Moment, Text, parse_cursor, parse_pdq, unix_time

CODES = st.binary(min_size=32, max_size=32)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@given(code=CODES, upper=st.booleans())
def test_a_hash_survives_its_text(code: bytes, upper: bool) -> None:
    text = code.hex().upper() if upper else code.hex()
    assert to_hex(parse_pdq(text)) == code.hex()


@given(text=st.text(max_size=80) | st.text("0123456789abcdef", min_size=62, max_size=66))
def test_any_text_is_a_hash_or_refused_without_repeating_it(text: str) -> None:
    try:
        parsed = parse_pdq(text)
    except InvalidInputError as error:
        assert error.message == "A PDQ hash is 64 hexadecimal characters."  # noqa: PT017 - both ways are right
    else:
        assert to_hex(parsed) == text.lower()


@given(one=CODES, other=CODES)
def test_the_distance_is_a_metric_counted_in_bits(one: bytes, other: bytes) -> None:
    bits = distance(one.hex(), other.hex())
    assert bits == (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
    assert bits == distance(other.hex(), one.hex())
    assert distance(one.hex(), one.hex()) == 0


@given(number=st.integers(1, 2**63 - 1))
def test_a_cursor_is_the_number_it_was_made_from(number: int) -> None:
    assert parse_cursor(str(number)) == number


@given(text=st.text(max_size=30))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        number = parse_cursor(text)
    except InvalidInputError:
        return
    assert number is not None
    assert str(number) == text
    assert 0 < number < 2**63


@given(text=st.text(st.characters(), max_size=20))
def test_a_text_is_one_that_every_database_stores(text: str) -> None:
    storable = "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
    try:
        assert TypeAdapter(Text).validate_python(text) == text
    except ValidationError:
        assert not storable
    else:
        assert storable


@given(moment=st.datetimes(timezones=st.timezones()))
def test_a_time_is_taken_in_utc_or_refused(moment: datetime) -> None:
    try:
        taken = TypeAdapter(Moment).validate_python(moment)
    except ValidationError:
        assert not 1970 < moment.year < 9998
        return
    assert taken.timestamp() == moment.timestamp()
    assert taken.tzinfo is UTC


@given(timestamp=st.integers(0, 2**70))
def test_a_timestamp_of_hma_is_a_time_within_five_years_or_refused(timestamp: int) -> None:
    try:
        begins = begins_at(timestamp, NOW)
    except InvalidInputError:
        assert timestamp > unix_time(NOW) + FIVE_YEARS_S
        return
    assert timestamp in {ENABLED, DISABLED} or unix_time(begins) == timestamp


def test_hmas_two_words_for_times() -> None:
    assert begins_at(ENABLED, NOW) is None
    assert begins_at(DISABLED, NOW) == NEVER
    assert unix_time(None) == 0


def test_a_hash_is_read_only_bytes_of_the_right_kind() -> None:
    code = parse_pdq("ab" * 32)
    assert code.dtype == np.uint8
    assert code.shape == (32,)
    with pytest.raises(InvalidInputError):
        parse_pdq("")
