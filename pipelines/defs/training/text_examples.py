"""Which rows train the text classifier, which calibrate it, and which harmless ones its thresholds are held against."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from datasets.rows import Row, Split, TextSurface, split_of
from datasets.short_texts import SOURCE as SHORT
from moderation.domain.signal import Surface
from moderation.signals.text_harm.training.examples import Example, Limits, Part
from pipelines.defs.training.listed_terms import SOURCE as TERMS

GENERATED = "captions:"
"""What the sources of generated rows begin with."""

RESERVED = frozenset(
    GENERATED + family
    for family in ("words_kitchen", "society_safety", "rough_thing", "identity_daily", "scene_talk", "care_words")
)
"""Families that are never trained on, so that thresholds are set against harmless texts of a kind not seen before."""

CAPS: Mapping[str, int] = MappingProxyType(
    {"davidson2017": 6000, "edos_train": 8000, "coco_benign_train": 3000, "art_prompts_benign": 1500}
)
"""The most rows of a source: large ones would drown the others."""

WEIGHTS: Mapping[str, float] = MappingProxyType({"i2p_even": 0.5})
"""How much a source counts; labels that were guessed from pictures count less."""

WORD_SOURCES = (TERMS,)
"""Sources of words without a sentence."""

_ANYWHERE: Mapping[str, float] = MappingProxyType({"identity": 0.05 / 3, "look_alike": 0.30 / 2, "short": 0.05 / 3})

_CAPTIONS: Mapping[str, float] = MappingProxyType({**_ANYWHERE, "ordinary": 0.005 * 3 / 4, "written": 0.015})

LIMITS: Limits = MappingProxyType(
    {
        Surface.CAPTION: _CAPTIONS,
        Surface.PICTURE_TEXT: _CAPTIONS,
        Surface.PROMPT: MappingProxyType({**_ANYWHERE, "ordinary": 0.015 / 2, "written": 0.015, "prompt": 0.015 / 2}),
    }
)
"""The share of a pool that may be flagged on a surface: mostly half of what is allowed, as unseen texts do worse.

Captions of photographs ("ordinary") have three quarters, since unseen ones are most like them. Generated captions
("written") are a pool of their own, because the many plain ones would hide them; most sound dangerous on purpose, as
look-alikes do, so that more of them may be flagged. Captions are held to the limit of captions where they stand, and to
that of prompts on prompts. A third for sentences that name groups, because that limit holds for every group by itself.
"""

_SURFACES = {
    TextSurface.CAPTION: (Surface.CAPTION, Surface.PICTURE_TEXT),
    TextSurface.POST: (Surface.CAPTION, Surface.PICTURE_TEXT),
    TextSurface.PROMPT: (Surface.PROMPT,),
}


def examples(rows: Iterable[Row]) -> list[Example]:
    """The training and validation rows as examples; those of the test split are left out. Listed terms only train."""
    return [
        Example(row.text, row.labels, row.source, _SURFACES[row.surface], own, pool(row))
        for row in rows
        if (own := part(row)) is not None
    ]


def pool(row: Row) -> str:
    """The kind of harmless text that a row is, as named in `LIMITS`; "" for harmful rows and other kinds."""
    generated = row.source.startswith(GENERATED)
    kinds = {
        "short": row.source == SHORT,
        "identity": row.source.startswith(GENERATED + "identity"),
        "look_alike": row.source in RESERVED,
        "ordinary": row.source == "coco_benign_train",
        "written": generated and row.surface is TextSurface.CAPTION,
        "prompt": row.source == "art_prompts_benign" or (generated and row.surface is TextSurface.PROMPT),
    }
    return "" if any(row.labels.values()) else next((kind for kind, holds in kinds.items() if holds), "")


def part(row: Row) -> Part | None:
    """What a row is used for; None: for nothing, since it is of the test split."""
    if row.source == TERMS:
        return Part.TRAIN
    split = split_of(row)
    if split is Split.TEST:
        return None
    return Part.TRAIN if split is Split.TRAIN and row.source not in RESERVED else Part.VALIDATION
