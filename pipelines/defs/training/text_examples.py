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

LOOK_ALIKES = (
    *("words_", "body_", "care_", "shared_", "rough_", "society_", "counter_", "final_caption", "identity_attacked"),
    *("identity_functional", "identity_opinion", "identity_trigger", "identity_fair"),
)
"""What the names of families begin with whose harmless texts have trigger words, attacks or insults on purpose."""

CAPS: Mapping[str, int] = MappingProxyType(
    {"davidson2017": 6000, "edos_train": 8000, "coco_benign_train": 3000, "art_prompts_benign": 1500}
)
"""The most rows of a source: large ones would drown the others."""

WEIGHTS: Mapping[str, float] = MappingProxyType({"i2p_even": 0.5})
"""How much a source counts; labels that were guessed from pictures count less."""

WORD_SOURCES = (TERMS,)
"""Sources of words without a sentence."""

_ANYWHERE: Mapping[str, float] = MappingProxyType({"identity": 0.05 / 25, "look_alike": 0.30 / 3, "short": 0.05 / 3})
_CAPTIONS: Mapping[str, float] = MappingProxyType({**_ANYWHERE, "ordinary": 0.005 * 3 / 4, "staged": 0.30 / 3})

LIMITS: Limits = MappingProxyType(
    {
        Surface.CAPTION: _CAPTIONS,
        Surface.PICTURE_TEXT: _CAPTIONS,
        Surface.PROMPT: MappingProxyType({**_ANYWHERE, "ordinary": 0.0075, "prompt": 0.015 / 6, "staged": 0.015}),
    }
)
"""The share of a pool that may be flagged on a surface: parts of what is allowed, because unseen texts do worse.

Ordinary captions have three quarters, since unseen ones are most like them; look-alikes a third; sentences that name
groups a twenty-fifth, because that limit holds for every group by itself; prompts a sixth, since people's are more
varied than generated ones. Prompts that sound dangerous ("staged") are ordinary among prompts, and look-alikes
elsewhere. Captions are held to the limit of captions where they stand, and to that of prompts on prompts.
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
    family = row.source.removeprefix(GENERATED) if row.source.startswith(GENERATED) else ""
    kinds = {
        "short": row.source == SHORT,
        "identity": family.startswith("identity") and not family.startswith(LOOK_ALIKES),
        "staged": row.surface is TextSurface.PROMPT and family.startswith(LOOK_ALIKES),
        "look_alike": row.source in RESERVED or family.startswith(LOOK_ALIKES),
        "ordinary": row.source == "coco_benign_train" or (bool(family) and row.surface is TextSurface.CAPTION),
        "prompt": row.source == "art_prompts_benign" or (bool(family) and row.surface is TextSurface.PROMPT),
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
