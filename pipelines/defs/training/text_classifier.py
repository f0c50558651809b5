"""`train_text_classifier`: from the labelled corpora to the files that the model store serves as `text-harm`."""

import json
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
from pydantic import Field

from datasets import corpora
from datasets.captions import generate
from datasets.manifests import Use
from datasets.rows import Row
from datasets.short_texts import short_texts, vocabulary
from moderation.signals.terms.document import term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_harm.training.examples import Part
from pipelines.defs.training.listed_terms import term_rows
from pipelines.defs.training.text_examples import CAPS, LIMITS, WEIGHTS, WORD_SOURCES, examples, part, pool
from pipelines.resources import System

SEED = 20261122
EPOCHS = 1.3
RUNS = 2
CAPTIONS_SEED = 1
"""Another seed of training leaves the generated captions as they are, so that two trainings can be compared."""
CAPTIONS_PER_FAMILY = 120
HARMLESS_PER_FAMILY = 400
"""Generated rows of each family to take harmless validation texts from: a limit of one in 400 needs many of them."""
SHORT_TEXTS = 6_000


class TextClassifierConfig(dg.Config):
    """How to train; the defaults are those of the shipped model."""

    datasets: str = Field(default="", description="The corpora's folder; empty: MODERATION_DATASETS_DIR, or beside")
    out: str = Field(default="", description="The folder to write; empty: trained/text-harm in the home folder")
    encoder: str = Field(default="", description="A folder with another encoder; empty: the model store's")
    seed: int = SEED
    epochs: float = Field(default=EPOCHS, gt=0)
    captions_per_family: int = Field(default=CAPTIONS_PER_FAMILY, ge=1, description="Generated rows of each family")
    short_texts: int = Field(default=SHORT_TEXTS, ge=0, description="Harmless texts of a word or three")
    sources: list[str] = Field(default_factory=list, description="Corpora to train on; empty: all that may be")
    listed_terms: bool = Field(default=True, description="Whether the terms of the word list are trained on")
    runs: int = Field(default=RUNS, ge=1, description="Tunings whose mean is shipped")
    threads: int = Field(default=2, ge=1)


@dg.asset(
    description="The text classifier: int8 ONNX, tokenizer, calibration and model card. Under an hour on 2 cores."
)
def train_text_classifier(
    context: dg.AssetExecutionContext, config: TextClassifierConfig, system: dg.ResourceParam[System]
) -> dg.MaterializeResult[None]:
    """Same data, seed and machine, same product. The test split is never read here."""
    from moderation.signals.models import ModelStore  # noqa: PLC0415 - brings the model libraries
    from moderation.signals.text_harm.product import MODEL_FILE  # noqa: PLC0415
    from moderation.signals.text_harm.training.card import write_card  # noqa: PLC0415
    from moderation.signals.text_harm.training.encoder import load_encoder, open_encoder_folder  # noqa: PLC0415
    from moderation.signals.text_harm.training.examples import Options  # noqa: PLC0415
    from moderation.signals.text_harm.training.train import train  # noqa: PLC0415

    started = time.monotonic()
    settings = system.settings()
    out = Path(config.out) if config.out else settings.home / "trained" / "text-harm"
    base = open_encoder_folder(Path(config.encoder)) if config.encoder else load_encoder(ModelStore(settings.models))
    found = examples([*rows(config), *short_rows(config, base[1])])
    options = Options(
        seed=config.seed,
        runs=config.runs,
        epochs=config.epochs,
        threads=config.threads,
        caps=CAPS,
        weights=WEIGHTS,
        word_sources=WORD_SOURCES,
        limits=LIMITS,
    )
    product = train(found, base, options, out, context.log.info)
    measured = write_card(product, found, options, out)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(out)),
            MODEL_FILE: product.calibration.model,
            "bytes": len(product.model),
            "examples": len(found),
            "seconds": round(time.monotonic() - started, 1),
            **{f"average precision {name}": value for name, value in measured.items()},
        }
    )


def rows(config: TextClassifierConfig) -> list[Row]:
    """The corpora that may be trained on, and the generated captions. Raises what the loaders raise."""
    folder = Path(config.datasets) if config.datasets else None
    chosen = config.sources or corpora.names(Use.TRAIN)
    found = [row for name in chosen for row in corpora.load_training(name, folder)]
    terms = term_rows(corpora.load_terms("lexicon_en", folder)) if config.listed_terms else []
    return [*found, *captions(config.captions_per_family), *terms]


def captions(per_family: int, harmless_per_family: int = HARMLESS_PER_FAMILY) -> list[Row]:
    """Generated rows of every family, and more harmless ones for thresholds to be set against.

    The latter have no labels: they fill the pools and leave the curves alone.
    """
    chosen = generate(CAPTIONS_SEED, per_family)
    known = {row.text for row in chosen}
    more = (row for row in generate(CAPTIONS_SEED, harmless_per_family) if row.text not in known)
    return [*chosen, *(replace(row, labels={}) for row in more if pool(row) and part(row) is Part.VALIDATION)]


def short_rows(config: TextClassifierConfig, tokenizer: bytes) -> list[Row]:
    """Harmless texts of a few of the encoder's own words, without words of any list. Raises what the loaders raise."""
    folder = Path(config.datasets) if config.datasets else None
    listed = {term.term for term in corpora.load_terms("lexicon_en", folder)} if config.short_texts else set()
    matcher = Matcher(term_lists())
    words = vocabulary(json.loads(tokenizer)["model"]["vocab"], listed)
    harmless = [word for word in words if not matcher.hits(word)]
    return short_texts(harmless, CAPTIONS_SEED, config.short_texts) if config.short_texts else []
