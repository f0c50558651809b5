from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.evaluation.agreement import (
    Agreement,
    Rating,
    Undefined,
    cohens_kappa,
    krippendorffs_alpha,
    percent_agreement,
)
from moderation.evaluation.bootstrap import Resampling
from tests.evaluation import oracle

FEW = Resampling(rounds=50)
LABELS = "abcd"

labels = st.sampled_from(LABELS)
pair_lists = st.lists(st.tuples(labels, labels), min_size=2, max_size=30)
relabelled = st.permutations(LABELS).map(lambda order: dict(zip(LABELS, order, strict=True)))
Table = Mapping[tuple[int, int], str]
tables = st.dictionaries(st.tuples(st.integers(0, 11), st.integers(0, 4)), labels, max_size=50)
Coefficient = Callable[[Sequence[Rating]], Agreement]


def ratings_of(table: Table) -> list[Rating]:
    return [Rating(f"post-{unit}", f"person-{rater}", label) for (unit, rater), label in table.items()]


def rows(*people: str) -> list[Rating]:
    """Ratings from one line per person; a dot is a unit that this person did not rate."""
    table = {(u, p): label for p, line in enumerate(people) for u, label in enumerate(line.split()) if label != "."}
    return ratings_of(table)


def enough(table: Table) -> bool:
    return len(oracle.pairable_values(ratings_of(table))) > 1


def counted(table: Sequence[Sequence[int]]) -> list[tuple[str, str]]:
    """Pairs from a contingency table: the first rater's labels down, the second's across."""
    return [
        (LABELS[i], LABELS[j]) for i, line in enumerate(table) for j, count in enumerate(line) for _ in range(count)
    ]


# Worked examples from the literature.


def test_cohens_own_example() -> None:
    # Cohen 1960: 200 patients under three diagnoses; p_o = .70, p_e = .41.
    found = cohens_kappa(counted([[88, 14, 18], [10, 40, 10], [2, 6, 12]]))
    assert found.value == pytest.approx(0.29 / 0.59)
    assert (found.units, found.raters, found.undefined) == (200, 2, None)


def test_the_paradox_of_high_agreement_and_low_kappa() -> None:
    # Feinstein and Cicchetti 1990: equal observed agreement of .85, kappa .70 and .32.
    assert cohens_kappa(counted([[40, 9], [6, 45]])).value == pytest.approx(0.70, abs=0.005)
    assert cohens_kappa(counted([[80, 10], [5, 5]])).value == pytest.approx(0.32, abs=0.005)


def test_krippendorffs_binary_data_of_two_observers() -> None:
    # Krippendorff 2011, section A.
    found = krippendorffs_alpha(rows("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"))
    assert found.value == pytest.approx(0.095, abs=0.0005)


def test_krippendorffs_nominal_data_of_two_observers() -> None:
    # Krippendorff 2011, section B.
    found = krippendorffs_alpha(rows("a a b b d c c c e d d a", "b a b b b c c c e d d d"))
    assert found.value == pytest.approx(0.692, abs=0.0005)


FOUR_OBSERVERS = rows(
    "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."
)


def test_krippendorffs_nominal_data_of_four_observers_with_missing_ratings() -> None:
    # Krippendorff 2011, section C: the twelfth unit has one rating and is not pairable.
    found = krippendorffs_alpha(FOUR_OBSERVERS)
    assert found.value == pytest.approx(0.743, abs=0.0005)
    assert (found.units, found.raters) == (11, 4)


def test_alpha_of_two_complete_raters_is_scotts_pi_corrected_for_small_samples() -> None:
    # Krippendorff 2004: alpha = 1 - (1 - pi)(n - 1)/n with n = 24 ratings.
    pairs = list(zip("aabbdcccedda", "babbbcccedd" + "d", strict=True))
    pooled = [label for pair in pairs for label in pair]
    chance = sum((pooled.count(label) / 24) ** 2 for label in set(pooled))
    pi = (9 / 12 - chance) / (1 - chance)
    found = krippendorffs_alpha(rows("a a b b d c c c e d d a", "b a b b b c c c e d d d"))
    assert found.value == pytest.approx(1 - (1 - pi) * 23 / 24)


# Against the slow obvious implementation.


@given(pair_lists)
def test_kappa_is_the_oracles(pairs: list[tuple[str, str]]) -> None:
    expected = oracle.kappa(pairs)
    found = cohens_kappa(pairs, resampling=FEW)
    assert found.value == (None if expected is None else pytest.approx(float(expected)))
    assert (found.undefined is Undefined.ONE_LABEL) == (expected is None)


@given(tables.filter(enough))
def test_alpha_and_agreement_are_the_oracles(table: Table) -> None:
    ratings = ratings_of(table)
    expected = oracle.alpha(ratings)
    found = krippendorffs_alpha(ratings, resampling=FEW)
    assert found.value == (None if expected is None else pytest.approx(float(expected)))
    assert percent_agreement(ratings, resampling=FEW).value == pytest.approx(float(oracle.agreement(ratings)))
    assert found.units == len(oracle.pairable_values(ratings))


# Properties.


@given(pair_lists, relabelled)
def test_kappa_does_not_depend_on_the_names_of_labels_or_the_order_of_raters(
    pairs: list[tuple[str, str]], names: dict[str, str]
) -> None:
    value = cohens_kappa(pairs, resampling=FEW).value
    renamed = cohens_kappa([(names[first], names[second]) for first, second in pairs], resampling=FEW).value
    swapped = cohens_kappa([(second, first) for first, second in pairs], resampling=FEW).value
    assert renamed == swapped == value


@given(tables, relabelled, st.randoms(use_true_random=False))
def test_alpha_does_not_depend_on_names_or_on_any_order(table: Table, names: dict[str, str], chance: object) -> None:
    ratings = ratings_of(table)
    found = krippendorffs_alpha(ratings, resampling=FEW)
    renamed = [Rating(rating.unit, rating.rater[::-1], names[rating.label]) for rating in ratings]
    assert krippendorffs_alpha(renamed, resampling=FEW).value == pytest.approx(found.value)
    chance.shuffle(ratings)  # type: ignore[attr-defined]
    assert krippendorffs_alpha(ratings, resampling=FEW) == found


@given(st.lists(labels, min_size=2, max_size=20), st.integers(2, 4))
def test_perfect_agreement_is_one_when_there_was_a_choice(given_labels: list[str], raters: int) -> None:
    assume(len(set(given_labels)) > 1)
    ratings = ratings_of({(u, r): label for u, label in enumerate(given_labels) for r in range(raters)})
    assert cohens_kappa([(label, label) for label in given_labels]).value == 1
    assert krippendorffs_alpha(ratings).value == 1
    assert percent_agreement(ratings).value == 1


@given(pair_lists, tables, st.integers(0, 5))
def test_values_are_bounded_and_inside_their_intervals(pairs: list[tuple[str, str]], table: Table, seed: int) -> None:
    resampling = Resampling(rounds=40, seed=seed)
    ratings = ratings_of(table)
    coefficients = (
        (-1, cohens_kappa(pairs, resampling=resampling)),
        (-1, krippendorffs_alpha(ratings, resampling=resampling)),
        (0, percent_agreement(ratings, resampling=resampling)),
    )
    for least, found in coefficients:
        assert (found.value is None) == (found.undefined is not None)
        if found.value is None or found.low is None or found.high is None:
            assert found.low is found.high is None
        else:
            assert least <= found.value <= 1
            assert found.low <= found.value <= found.high <= 1


# Intervals.


def test_the_same_seed_gives_the_same_interval_and_another_a_slightly_different_one() -> None:
    pairs = counted([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    first, again, other = (cohens_kappa(pairs, resampling=Resampling(seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert first.low == pytest.approx(other.low, abs=0.03)


def test_the_interval_is_the_textbooks_asymptotic_one_for_many_units() -> None:
    # Fleiss, Cohen and Everitt 1969 computed the standard error of this table's kappa: .05.
    found = cohens_kappa(counted([[88, 14, 18], [10, 40, 10], [2, 6, 12]]))
    assert found.low == pytest.approx(0.492 - 1.96 * 0.05, abs=0.015)
    assert found.high == pytest.approx(0.492 + 1.96 * 0.05, abs=0.015)


def test_more_units_narrow_the_interval_and_more_confidence_widens_it() -> None:
    few, many = (cohens_kappa(counted([[4 * n, n], [n, 4 * n]])) for n in (5, 50))
    sure = cohens_kappa(counted([[20, 5], [5, 20]]), resampling=Resampling(confidence=0.99))
    assert width(many) < width(few) < width(sure)


def width(found: Agreement) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


# Where there is nothing to say.


def test_without_pairs_there_is_no_coefficient() -> None:
    alone = rows("a b c", ". . .")
    assert cohens_kappa([]) == Agreement(None, None, None, 0, 2, Undefined.NO_PAIRS)
    assert krippendorffs_alpha([]) == Agreement(None, None, None, 0, 0, Undefined.NO_PAIRS)
    assert krippendorffs_alpha(alone) == percent_agreement(alone) == krippendorffs_alpha([])


@pytest.mark.parametrize("coefficient", [krippendorffs_alpha, percent_agreement])
def test_one_unit_is_too_few(coefficient: Coefficient) -> None:
    assert coefficient(rows("a .", "b b")) == Agreement(None, None, None, 1, 2, Undefined.TOO_FEW_UNITS)
    assert cohens_kappa([("a", "b")]).undefined is Undefined.TOO_FEW_UNITS


def test_a_single_label_says_nothing_about_agreement_beyond_chance() -> None:
    everywhere = rows("a a a a", "a a a a")
    assert cohens_kappa([("a", "a")] * 4) == Agreement(None, None, None, 4, 2, Undefined.ONE_LABEL)
    assert krippendorffs_alpha(everywhere).undefined is Undefined.ONE_LABEL
    assert percent_agreement(everywhere).value == 1


def test_two_raters_who_never_agree_are_below_chance_or_at_it() -> None:
    assert cohens_kappa([("a", "b"), ("b", "a")]).value == -1
    assert cohens_kappa([("a", "b"), ("a", "b")]).value == 0
    found = krippendorffs_alpha(rows("a a", "b b"))
    assert found.value == pytest.approx(-0.5)


@pytest.mark.parametrize(("others", "has_interval"), [(1, False), (5, True)])
def test_a_label_that_hardly_occurs_gives_a_value_without_an_interval(others: int, has_interval: bool) -> None:
    line = " ".join("b" * others + "a" * (40 - others))
    found = krippendorffs_alpha(rows(line, line))
    assert found.value == 1
    assert (found.low is not None) == (found.high is not None) == has_interval


def test_a_person_rates_a_unit_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        krippendorffs_alpha([Rating("post", "person", "a"), Rating("post", "person", "b")])
