"""How reliable decisions are, by reviewer and by category: gold items, blind second looks, appeals. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from moderation.domain.ids import AccountId
from moderation.domain.quality import GOLD_RATER, AppealedDecision, GoldResult, ReviewedUnit
from moderation.evaluation.agreement import Agreement, Rating, cohens_kappa, krippendorffs_alpha
from moderation.evaluation.proportion import Proportion, wilson

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a period, newest first. `looks` are blind: second reviews, audits of carried decisions."""

    gold: tuple[GoldResult, ...] = ()
    looks: tuple[ReviewedUnit, ...] = ()
    appealed: tuple[AppealedDecision, ...] = ()


@dataclass(frozen=True, slots=True)
class CategoryQuality:
    """How far those who judged the same posts of a category agree: the share, and beyond what chance would give.

    `category` is the suspected harm of the posts.
    """

    category: str
    agreed: Proportion
    kappa: Agreement
    alpha: Agreement


@dataclass(frozen=True, slots=True)
class ReviewerQuality:
    """One person: right answers to gold items, agreement with colleagues, and rejections overturned on appeal."""

    account: AccountId
    gold: Proportion
    agreed: Proportion
    kappa: Agreement
    overturned: Proportion


def by_category(looks: Sequence[ReviewedUnit]) -> list[CategoryQuality]:
    """Every category that was looked at twice, the one with most posts first."""
    groups: dict[str, list[ReviewedUnit]] = {}
    for unit in looks:
        groups.setdefault(unit.category, []).append(unit)
    ranked = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return [category_quality(name, groups[name]) for name in ranked]


def category_quality(category: str, looks: Sequence[ReviewedUnit]) -> CategoryQuality:
    """The measures of some posts together."""
    return CategoryQuality(
        category=category,
        agreed=wilson(sum(_agrees(unit) for unit in looks), len(looks)),
        kappa=cohens_kappa([pair for unit in looks if (pair := _pair(unit)) is not None]),
        alpha=krippendorffs_alpha(_ratings(looks)),
    )


def by_reviewer(measured: Measured) -> list[ReviewerQuality]:
    """Everybody who was measured, in the order of ids."""
    gold = _grouped(measured.gold, lambda result: [result.account])
    looks = _grouped(measured.looks, lambda unit: [AccountId(rater) for rater in unit.ratings if rater != GOLD_RATER])
    appealed = _grouped(measured.appealed, lambda decision: [decision.account])
    return [
        reviewer_quality(
            account,
            Measured(tuple(gold.get(account, ())), tuple(looks.get(account, ())), tuple(appealed.get(account, ()))),
        )
        for account in sorted({*gold, *looks, *appealed})
    ]


def reviewer_quality(account: AccountId, measured: Measured) -> ReviewerQuality:
    """One person's measures; what `measured` has of others is left out."""
    gold = [result for result in measured.gold if result.account == account]
    looks = [unit for unit in measured.looks if account in unit.ratings]
    appealed = [decision for decision in measured.appealed if decision.account == account]
    return ReviewerQuality(
        account=account,
        gold=wilson(sum(result.agreed for result in gold), len(gold)),
        agreed=wilson(sum(_agrees(unit) for unit in looks), len(looks)),
        kappa=cohens_kappa([(unit.ratings[account], other_label(unit, account)) for unit in looks]),
        overturned=wilson(sum(decision.overturned for decision in appealed), len(appealed)),
    )


def other_label(unit: ReviewedUnit, account: AccountId) -> str:
    """What the colleague said about the same post; one's own label where nobody else did."""
    return next((label for rater, label in unit.ratings.items() if rater != account), unit.ratings[account])


def differing(looks: Iterable[ReviewedUnit], account: AccountId) -> list[ReviewedUnit]:
    """The posts about which a colleague said something else."""
    return [unit for unit in looks if account in unit.ratings and not _agrees(unit)]


def _agrees(unit: ReviewedUnit) -> bool:
    return len(set(unit.ratings.values())) == 1


def _pair(unit: ReviewedUnit) -> tuple[str, str] | None:
    """The first and the second person's label, in the order in which they decided."""
    labels = tuple(unit.ratings.values())
    return (labels[0], labels[1]) if len(labels) == 2 else None  # noqa: PLR2004  # a pair


def _ratings(looks: Sequence[ReviewedUnit]) -> list[Rating]:
    """Each look is a unit of its own: a post may be looked at again, by the same person too."""
    return [Rating(f"{n}", rater, label) for n, unit in enumerate(looks) for rater, label in unit.ratings.items()]


def _grouped(items: Iterable[ItemT], people: Callable[[ItemT], Sequence[AccountId]]) -> Mapping[AccountId, list[ItemT]]:
    groups: dict[AccountId, list[ItemT]] = {}
    for item in items:
        for account in people(item):
            groups.setdefault(account, []).append(item)
    return groups
