"""One asset for each set of labelled texts: the text classifier's figures on it, with a report and two checks."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.regression import broken_limits, regressions
from pipelines.defs.evaluation import checks, tables
from pipelines.resources import System

GROUP = "evaluation"
CHALLENGES = (
    "benign_lookalikes",
    "benign_prompts",
    "forum_posts",
    "functional_hate",
    "harmful",
    "identity_templates",
    "neutral_identity",
    "ordinary_captions",
)
CORPORA = (
    "ailuminate_demo",
    "art_prompts_benign",
    "catqa",
    "coco_benign_train",
    "davidson2017",
    "edos_train",
    "eval_only_stormfront2018",
    "i2p_even",
    "nibbler_prompts_train",
    "nibbler_rewrites_train",
    "synth_captions",
    "toxigen_demos",
)
"""Measured on what nobody trained on: the test split, or the whole where the licence allows evaluation only."""

REWRITTEN = frozenset({"harmful", "functional_hate"})
"""The sets that are measured in every way of writing too."""
TERMS = "terms"


class TextEvaluationConfig(dg.Config):
    """What to measure; the defaults measure the shipped classifier."""

    model: str = Field(default="text-harm", description=f"A text classifier of the model store, or {TERMS}")
    product: str = Field(default="", description="A folder that training wrote, instead of the store's model")
    datasets: str = Field(default="", description="The corpora's folder; empty: MODERATION_DATASETS_DIR, or beside")
    figures: str = Field(default="", description="The last release's figures; empty: docs/models/figures.json")
    reports: str = Field(default="", description="Where reports go; empty: evaluation in the home folder")
    rounds: int = Field(default=1000, ge=100, description="Bootstrap rounds of the intervals")


def evaluate_text(name: str) -> dg.AssetsDefinition:
    """The asset of the set `name`, a challenge set or a corpus."""
    key = dg.AssetKey(["evaluate_text", name])

    @dg.asset(
        key=key,
        group_name=GROUP,
        kinds={"python"},
        check_specs=checks.specs(key),
        description=f"The text classifier's figures on {name}.",
    )
    def measured(config: TextEvaluationConfig, system: dg.ResourceParam[System]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster knows the bare type only
        return _measure(name, key, config, system)

    return measured


def _measure(name: str, key: dg.AssetKey, config: TextEvaluationConfig, system: System) -> dg.MaterializeResult[None]:
    from moderation.assembly import model_store  # noqa: PLC0415 - brings the model libraries
    from moderation.bench.evaluation import sets  # noqa: PLC0415
    from moderation.bench.evaluation import text as evaluations  # noqa: PLC0415
    from moderation.bench.evaluation.figures import RELEASED, figures_of  # noqa: PLC0415
    from moderation.bench.evaluation.reports import write_text_report  # noqa: PLC0415
    from moderation.bench.evaluation.scorers import HarmScorer, TermScorer  # noqa: PLC0415

    settings = system.settings()
    folder = Path(config.product) if config.product else None
    scorer: HarmScorer | TermScorer = (
        TermScorer()
        if config.model == TERMS
        else HarmScorer(model_store(settings), name=config.model, folder=folder, threads=1)
    )
    corpora = Path(config.datasets) if config.datasets else None
    source = sets.challenge(name) if name in CHALLENGES else sets.held_out(name, corpora)
    ways = tuple(Obfuscation) if name in REWRITTEN else ()
    found = evaluations.evaluate_text(source, scorer, ways=ways, resampling=Resampling(rounds=config.rounds))
    reports = Path(config.reports) if config.reports else settings.home / "evaluation"
    page = write_text_report(reports / name, evaluations.text_document(scorer, [found]), scorer, [found])
    now = found.document()
    before = figures_of(name, "text", Path(config.figures) if config.figures else RELEASED)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "texts": len(source.examples),
            "model": scorer.digest or scorer.name,
            "report": dg.MetadataValue.path(str(page.resolve())),
            "categories": tables.categories(found.result),
            "slices": tables.slices(found.result),
        },
        check_results=[
            checks.no_regression(key, before, now, regressions),
            checks.within_limits(key, broken_limits(name, now)),
        ],
    )


evaluations = [evaluate_text(name) for name in (*CHALLENGES, *CORPORA)]
