"""The trial: what is found is counted by tier, wrong pairs are counted apart, and the figures follow from them."""

from pathlib import Path

import numpy as np
import pytest

from moderation.bench.robustness.command import QUICK_EVERY, bench_robustness
from moderation.bench.robustness.corpus import Corpus
from moderation.bench.robustness.edits import EDITS, HARDER, Kind
from moderation.bench.robustness.negatives import FAMILIES
from moderation.bench.robustness.outcome import EditRow, FamilyRow, Outcome
from moderation.bench.robustness.plot import check_plot, draw, svg
from moderation.bench.robustness.scenes import scene
from moderation.bench.robustness.table import EDIT_HEAD, FAMILY_HEAD, edit_lines, family_lines, markdown
from moderation.bench.robustness.trial import Trial
from moderation.domain.bank import Tier
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.media.subject import Rgb


def kinds(*names: str) -> list[Kind]:
    return [kind for kind in (*EDITS, *HARDER) if kind.name in names]


def pictures(count: int = 3) -> tuple[Rgb, ...]:
    return tuple(scene(np.random.default_rng(seed), 320, 280) for seed in range(count))


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    said: list[str] = []
    trial = Trial(Corpus(pictures(), "three scenes"), said.append)
    some = [family for family in FAMILIES if family.name in ("flat", "letterhead", "other_captions")]
    outcome = trial.run(4, kinds("jpeg_50", "flip_horizontal"), kinds("straightened_10"), some)
    assert any("straightened_10" in line for line in said)
    return outcome


def test_an_encoded_copy_is_found_automatically_by_both(outcome: Outcome) -> None:
    (row,) = [row for row in outcome.edits if row.name == "jpeg_50"]
    assert (row.pictures, row.peer, row.automatic, row.review, row.verified, row.found) == (3, 3, 3, 3, 3, 3)


def test_a_mirrored_copy_is_found_where_the_peer_misses_it(outcome: Outcome) -> None:
    (row,) = [row for row in outcome.edits if row.name == "flip_horizontal"]
    assert (row.peer, row.verified) == (0, 3)


def test_a_turned_part_is_found_by_keypoints_only(outcome: Outcome) -> None:
    (row,) = outcome.harder
    assert (row.peer, row.automatic, row.review, row.verified) == (0, 0, 0, 3)


def test_wrong_pairs_are_those_with_other_pictures_and_their_parts(outcome: Outcome) -> None:
    assert outcome.known <= 3 * 30
    assert outcome.pairs == 3 * (3 - 1) * outcome.known
    assert sum(outcome.wrong.values()) == outcome.peer_wrong == outcome.uncompared == 0


def test_a_picture_that_is_known_twice_is_counted_as_wrong() -> None:
    one, other = pictures(2)
    trial = Trial(Corpus((one, one.copy(), other), "a double"), lambda _: None)
    found = trial.run(2, kinds("jpeg_50"), (), ())
    assert found.wrong[Tier.AUTOMATIC] == 2
    assert found.peer_wrong == 2


def test_families_count_pairs_of_members(outcome: Outcome) -> None:
    rows = {row.name: row for row in outcome.families}
    assert {row.pairs for row in rows.values()} == {12}
    assert sum(rows["flat"].tiers.values()) == 0
    assert rows["letterhead"].tiers.get(Tier.AUTOMATIC, 0) == rows["letterhead"].tiers.get(Tier.VERIFIED, 0) == 0


def made(**counts: int) -> Outcome:
    row = EditRow("crop", "crop", "Cut & turned.", 10, **{"peer": 1, "automatic": 2, "review": 3, **counts})
    family = FamilyRow("logo", "One logo.", negative=True, pairs=90, peer=0, tiers={Tier.REVIEW: 4})
    return Outcome("scenes", 10, 100, (row,), (), (family,), 1000)


def test_tables_say_shares_and_pairs() -> None:
    outcome = made(verified=8, found=9)
    assert edit_lines(outcome)[0] == ("crop", "Cut & turned.", "10 %", "20 %", "30 %", "80 %", "90 %")
    assert edit_lines(outcome)[1][2:] == ("10 %", "20 %", "30 %", "80 %", "90 %")
    assert family_lines(outcome) == [("logo", "One logo.", "90", "0", "0", "0", "4")]
    text = markdown(EDIT_HEAD, edit_lines(outcome)) + markdown(FAMILY_HEAD, family_lines(outcome))
    assert {line.count("|") for line in text.splitlines()} == {8}


def test_the_drawing_has_a_bar_for_each_kind_and_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    outcome = made(verified=8, found=9)
    assert ">crop</text>" in svg(outcome)
    for name in ("plot.svg", "plot.html"):
        draw(outcome, tmp_path / name)
        assert "<svg" in (tmp_path / name).read_text()
    draw(outcome, None)
    with pytest.raises(UnavailableError):
        draw(outcome, tmp_path / "none" / "plot.svg")
    check_plot(tmp_path / "plot.svg")
    with pytest.raises(InvalidInputError):
        check_plot(tmp_path / "plot.png")


@pytest.mark.long
def test_the_command_measures_a_few_drawn_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Corpus(pictures(2), "two scenes")
    asked: list[int] = []

    def corpus(_: object, *, every: int) -> Corpus:
        asked.append(every)
        return drawn

    monkeypatch.setattr("moderation.bench.robustness.command.corpus", corpus)
    result, outcome = bench_robustness([], quick=True, tell=lambda _: None)
    assert asked == [QUICK_EVERY]
    assert (len(outcome.edits), len(outcome.families)) == (36, len(FAMILIES))
    document = result.document()
    assert document["bench"] == "robustness"
    assert {"recall_automatic", "recall_review", "recall_verified", "false_positives", "pairs"} <= set(result.figures)
    assert result.figures["recall_verified"] >= result.figures["recall_automatic"] > result.peers["hma_recall"]
    assert result.figures["false_positives"] == 0
