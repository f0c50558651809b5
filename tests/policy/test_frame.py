import math

import polars as pl
import pytest

from moderation.domain.signal import Column, ColumnKind, Value
from moderation.policy.expressions import DTYPES
from moderation.policy.frame import FAILURES, fits, measured
from tests.policy.signals import ORDINARY, SPECS, results


def column(kind: ColumnKind, **bounds: object) -> Column:
    return Column("c", kind, "", **bounds)  # type: ignore[arg-type]


RATIO = column(ColumnKind.FLOAT, low=0, high=1)
COUNT = column(ColumnKind.INTEGER, low=0)
WORD = column(ColumnKind.TEXT, choices=("a", "b"))
FLAG = column(ColumnKind.BOOLEAN)


@pytest.mark.parametrize(
    ("value", "column"),
    [(0, RATIO), (1.0, RATIO), (0, COUNT), (2**53, COUNT), ("a", WORD), ("z", column(ColumnKind.TEXT)), (False, FLAG)],
)
def test_values_that_fit(value: Value, column: Column) -> None:
    assert fits(value, column)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        *((value, RATIO) for value in (1.01, -0.01, math.nan, math.inf, True, "0.5", None, 10**400)),
        *((value, COUNT) for value in (-1, 1.0, False, 2**53 + 1, "1", None)),
        *((value, WORD) for value in ("c", "", "A", 1, None)),
        *((value, FLAG) for value in (0, 1, "true", None)),
    ],
)
def test_values_that_do_not_fit(value: Value, column: Column) -> None:
    assert not fits(value, column)


def test_null_fits_only_a_nullable_column() -> None:
    assert fits(None, column(ColumnKind.INTEGER, nullable=True))


def test_the_frame_has_one_row_for_each_post_and_a_column_of_its_type_for_each_that_is_read() -> None:
    names = {"image_nsfw", "image_status", "caption_adult", "caption_link_shortener"}

    batch = measured([results(), results("image_nsfw", caption_adult=3)], SPECS, names)

    kinds = {column.name: column.kind for spec in SPECS for column in spec.columns}
    assert {name: batch.frame.schema[name] for name in names} == {name: DTYPES[kinds[name]] for name in names}
    assert batch.frame["image_nsfw"].to_list() == [ORDINARY["image_nsfw"], None]
    assert batch.frame["caption_adult"].to_list() == [0, 3]
    assert batch.frame[FAILURES].to_list() == [0, 1]
    assert batch.failures == ({}, {"image_nsfw": "timed_out"})


def test_a_failed_signal_leaves_all_its_columns_unknown() -> None:
    names = {column.name for column in SPECS[0].columns}
    frame = measured([results(image_status="nonsense"), results()], SPECS, names).frame
    assert frame.row(0)[: len(names)] == (None,) * len(names)
    assert None not in frame.select("image_status", "image_width").row(1)


def test_a_true_among_whole_numbers_is_not_taken_for_one() -> None:
    batch = measured([results(caption_adult=1), results(caption_adult=True)], SPECS, {"caption_adult"})
    assert batch.frame["caption_adult"].to_list() == [1, None]
    assert batch.frame.schema["caption_adult"] == pl.Int64
