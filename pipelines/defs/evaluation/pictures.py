"""A picture signal's figures on a folder of pictures, with a report and two checks."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.picture_files import find_pictures
from moderation.evaluation.pictures import picture_figures
from moderation.evaluation.regression import Regression, picture_regressions
from moderation.reporting.evaluation.document import pictures as pictures_document
from moderation.settings import PROJECT
from pipelines.defs.evaluation import checks, tables
from pipelines.defs.evaluation.text import GROUP
from pipelines.resources import System

KEY = dg.AssetKey("evaluate_pictures")
PHOTOS = PROJECT.parent / "shared" / "corpora" / "photos"
MOST_UNMEASURED = 0.1
"""Share of pictures without a score from which on the figures say nothing of the set."""


class PictureEvaluationConfig(dg.Config):
    """What to measure; the defaults measure the shipped NSFW model on ordinary photographs."""

    source: str = Field(default="", description="A folder or .jsonl file; empty: shared/corpora/photos")
    signal: str = Field(default="image_nsfw", description="The signal to measure")
    labels: list[str] = Field(default_factory=lambda: ["S", "nsfw"], description="What means harmful")
    figures: str = Field(default="", description="The last release's figures; empty: docs/models/figures.json")
    reports: str = Field(default="", description="Where the report goes; empty: evaluation in the home folder")
    rounds: int = Field(default=1000, ge=100, description="Bootstrap rounds of the intervals")


@dg.asset(
    key=KEY,
    group_name=GROUP,
    kinds={"python"},
    check_specs=checks.specs(KEY),
    description="A picture signal's figures: how its scores spread, and what each recommended threshold flags.",
)
def evaluate_pictures(config: PictureEvaluationConfig, system: dg.ResourceParam[System]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster knows the bare type only
    """Through the real decoder; a picture without a score is counted and named."""
    from moderation.bench.evaluation.figures import RELEASED, figures_of, picture_key  # noqa: PLC0415
    from moderation.bench.evaluation.pictures import score_pictures  # noqa: PLC0415 - brings the model libraries
    from moderation.bench.evaluation.reports import write_picture_report  # noqa: PLC0415

    settings = system.settings()
    source = find_pictures(Path(config.source) if config.source else PHOTOS, config.labels)
    figures = picture_figures(score_pictures(settings, source, config.signal), Resampling(rounds=config.rounds))
    now = pictures_document(figures)
    reports = Path(config.reports) if config.reports else settings.home / "evaluation"
    page = write_picture_report(reports / config.signal, now, figures)
    before = figures_of(picture_key(now), "pictures", Path(config.figures) if config.figures else RELEASED)
    missing = figures.scores.unmeasured
    return dg.MaterializeResult(
        asset_key=KEY,
        metadata={
            "pictures": len(source.files),
            "measured": len(figures.scores.measured),
            "not measured": ", ".join(f"{each.name} ({each.reason})" for each in missing[:50]) or "none",
            "report": dg.MetadataValue.path(str(page.resolve())),
            "thresholds": tables.thresholds(figures),
        },
        check_results=[
            checks.no_regression(KEY, before, now, picture_regressions),
            checks.within_limits(KEY, _too_many(len(missing), len(source.files))),
        ],
    )


def _too_many(missing: int, pictures: int) -> list[Regression]:
    share = missing / pictures
    if share <= MOST_UNMEASURED:
        return []
    return [Regression("pictures", "the share without a score", share, MOST_UNMEASURED, None)]
