import pytest

from datasets.captions import generate
from datasets.rows import Row, Split, TextSurface, split_of
from datasets.short_texts import short_texts
from moderation.domain.signal import Surface
from moderation.signals.text_harm.training.examples import Part
from pipelines.defs.training.text_examples import LIMITS, RESERVED, examples, pool


def _row(source: str, labels: dict[str, int], surface: TextSurface = TextSurface.CAPTION) -> Row:
    return Row("id", "text", labels, source, surface, "group")


def test_the_test_split_is_left_out_and_reserved_families_are_never_trained_on() -> None:
    photograph = Row("id", "a bus", {"S": 0}, "coco_benign_train", TextSurface.CAPTION, "frame 6")
    rows = [*generate(3, 12), *short_texts(["lake", "lamp", "road", "cloud"], 3, 80), photograph]
    found = examples(rows)
    assert len(found) == sum(split_of(row) is not Split.TEST for row in rows)
    for example in found:
        if example.source in RESERVED:
            assert example.part is Part.VALIDATION
    assert {example.source for example in found} >= RESERVED
    assert {example.pool for example in found} == {"", *(pool for limits in LIMITS.values() for pool in limits)}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (_row("coco_benign_train", {"S": 0}), "ordinary"),
        (_row("coco_benign_train", {"S": 1}), ""),
        (_row("art_prompts_benign", {"S": 0}, TextSurface.PROMPT), "prompt"),
        (_row("captions:words_caption", {"S": 0}), "look_alike"),
        (_row("captions:shared_weapon", {"V": 0}, TextSurface.PROMPT), "staged"),
        (_row("captions:everyday_caption", {"S": 0}), "ordinary"),
        (_row("captions:identity_trigger", {"H": 0}), "look_alike"),
        (_row("captions:identity_daily", {"H": 0}), "identity"),
        (_row("captions:words_kitchen", {"V": 0}, TextSurface.POST), "look_alike"),
        (_row("edos_train", {"H": 0}, TextSurface.POST), ""),
    ],
)
def test_pools_are_of_harmless_rows_of_known_kinds(row: Row, expected: str) -> None:
    assert pool(row) == expected


def test_posts_count_as_captions_and_prompts_only_as_prompts() -> None:
    rows = [row for row in generate(4, 6) if split_of(row) is not Split.TEST]
    for row, example in zip(rows, examples(rows), strict=True):
        assert (Surface.PROMPT in example.surfaces) == (row.surface is TextSurface.PROMPT)
