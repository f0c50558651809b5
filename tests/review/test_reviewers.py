import pytest

from moderation.domain.decision import Action
from moderation.domain.ids import AccountId, PostId
from moderation.domain.quality import AppealedDecision, GoldResult, ReviewedUnit
from moderation.evaluation.agreement import Undefined
from moderation.review.reviewers import (
    Measured,
    by_category,
    by_reviewer,
    category_quality,
    differing,
    other_label,
    reviewer_quality,
)
from tests.factories import NOW

ADA, BEN, CYD = AccountId("ada"), AccountId("ben"), AccountId("cyd")


def look(first: str, second: str, *, category: str = "hate", by: tuple[str, str] = (ADA, BEN)) -> ReviewedUnit:
    return ReviewedUnit(PostId("p"), category, {by[0]: first, by[1]: second})


def gold(account: AccountId, given: str, category: str = "") -> GoldResult:
    return GoldResult("g", PostId("p"), account, "hate", Action.REJECT, "hate", Action(given), category, "why", NOW)


LOOKS = (
    look("approve", "approve"),
    look("reject:hate", "reject:hate"),
    look("reject:hate", "approve"),
    look("approve", "approve", by=(CYD, ADA)),
    look("approve", "reject:adult", category="adult", by=(BEN, CYD)),
)


def test_categories_are_told_apart_and_the_largest_comes_first() -> None:
    hate, adult = by_category(LOOKS)
    assert (hate.category, hate.agreed.successes, hate.agreed.trials, hate.alpha.units) == ("hate", 3, 4, 4)
    assert (adult.category, adult.agreed.value, adult.kappa.undefined) == ("adult", 0.0, Undefined.TOO_FEW_UNITS)


def test_the_same_post_may_be_looked_at_by_the_same_people_again() -> None:
    found = category_quality("", [LOOKS[0], LOOKS[0], LOOKS[2]])
    assert (found.alpha.units, found.alpha.raters) == (3, 2)


def test_kappa_of_all_is_between_the_first_and_the_second_answer() -> None:
    """Three of four agree; the first said approve half the time, the second in three of four cases."""
    found = category_quality("hate", LOOKS[:4])
    assert found.kappa.value == pytest.approx((0.75 - (0.5 * 0.75 + 0.5 * 0.25)) / (1 - 0.5))


def test_a_reviewer_is_measured_against_colleagues_whoever_came_first() -> None:
    ada, ben, cyd = by_reviewer(Measured(looks=LOOKS))
    assert [one.account for one in (ada, ben, cyd)] == [ADA, BEN, CYD]
    assert (ada.agreed.successes, ada.agreed.trials) == (3, 4)
    assert (ben.agreed.successes, ben.agreed.trials) == (2, 4)
    assert (cyd.agreed.successes, cyd.agreed.trials) == (1, 2)
    assert other_label(LOOKS[2], ADA) == "approve"
    assert other_label(LOOKS[2], BEN) == "reject:hate"


def test_only_ones_own_results_count() -> None:
    measured = Measured(
        gold=(gold(ADA, "reject", "hate"), gold(ADA, "approve"), gold(BEN, "reject", "adult")),
        looks=LOOKS,
        appealed=(
            AppealedDecision(PostId("p"), ADA, "hate", NOW, NOW, overturned=True),
            AppealedDecision(PostId("q"), BEN, "hate", NOW, NOW, overturned=False),
        ),
    )
    found = reviewer_quality(ADA, measured)
    assert (found.gold.successes, found.gold.trials) == (1, 2)
    assert (found.overturned.successes, found.overturned.trials) == (1, 1)
    assert found == next(one for one in by_reviewer(measured) if one.account == ADA)
    assert differing(LOOKS, ADA) == [LOOKS[2]]


def test_who_was_never_measured_has_no_share() -> None:
    found = reviewer_quality(CYD, Measured())
    assert (found.gold.value, found.agreed.value, found.overturned.value) == (None, None, None)
    assert found.kappa.undefined is Undefined.NO_PAIRS
    assert by_reviewer(Measured()) == []
