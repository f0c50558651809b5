"""Charts of agreement: estimates with their intervals, and of how many posts they are."""

from collections.abc import Mapping, Sequence

from moderation.domain.ids import AccountId
from moderation.evaluation.agreement import Agreement, Undefined
from moderation.evaluation.proportion import Proportion
from moderation.review.plan import Plan
from moderation.review.reviewers import CategoryQuality, ReviewerQuality
from review_ui.console.charts import Dot, DotPlot, Reference, Unit

GOOD_KAPPA = 0.6
"""Landis and Koch (1977) call agreement above 0.6 substantial; a convention, not a law."""
MOST_ROWS = 24
_WHY = {
    Undefined.NO_PAIRS: "nothing was looked at twice",
    Undefined.TOO_FEW_UNITS: "too few posts",
    Undefined.ONE_LABEL: "everybody always said the same",
}


def category_chart(categories: Sequence[CategoryQuality], plan: Plan) -> DotPlot:
    """Krippendorff's alpha of every category."""
    return DotPlot(
        id="alpha-by-category",
        title="Agreement by category",
        dots=tuple(_agreement_dot(plan.category(one.category).title, one.alpha) for one in categories[:MOST_ROWS]),
        note="Krippendorff's alpha with 95% intervals: 1 is full agreement, 0 is what chance gives",
        references=(Reference(GOOD_KAPPA, "substantial"),),
        empty="No post was looked at twice in this period",
    )


def reviewer_chart(reviewers: Sequence[ReviewerQuality], names: Mapping[AccountId, str]) -> DotPlot:
    """Cohen's kappa of every reviewer against whoever looked at the same posts."""
    rated = [one for one in reviewers if one.kappa.units]
    return DotPlot(
        id="kappa-by-reviewer",
        title="Agreement by reviewer",
        dots=tuple(_agreement_dot(names.get(one.account, "unknown"), one.kappa) for one in rated[:MOST_ROWS]),
        note="Cohen's kappa against colleagues on the same posts, with 95% intervals",
        references=(Reference(GOOD_KAPPA, "substantial"),),
        empty="No post was looked at twice in this period",
    )


def gold_chart(reviewers: Sequence[ReviewerQuality], names: Mapping[AccountId, str]) -> DotPlot:
    """The share of right answers to gold items."""
    asked = [one for one in reviewers if one.gold.trials]
    return DotPlot(
        id="gold-by-reviewer",
        title="Gold items answered correctly",
        dots=tuple(_share_dot(names.get(one.account, "unknown"), one.gold) for one in asked[:MOST_ROWS]),
        unit=Unit.SHARE,
        note="with 95% intervals",
        empty="Nobody answered a gold item in this period",
    )


def label_words(label: str, plan: Plan) -> str:
    """What somebody said, in words: "approve", "reject: Hate"."""
    action, _, category = label.partition(":")
    return f"{action}: {plan.category(category).title}" if category else action


def _agreement_dot(label: str, found: Agreement) -> Dot:
    note = f"{found.units:,} posts" if found.undefined is None else _WHY[found.undefined]
    return Dot(label, found.value, found.low, found.high, note)


def _share_dot(label: str, found: Proportion) -> Dot:
    return Dot(label, found.value, found.low, found.high, f"{found.successes} of {found.trials}")
