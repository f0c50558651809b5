from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.examples import Example
from moderation.evaluation.metrics import Estimate
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.scored import Counts, Scored, evaluate
from moderation.evaluation.texts import obfuscated, on_surface, score_texts

FEW = Resampling(rounds=50)
CLEAN = dict.fromkeys(HarmCategory, False)


class WordScorer:
    """Finds the words "punch" and "kiss"; on prompts the thresholds are higher, and captions have no "unsafe"."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Surface]] = []

    def scores(self, texts: Sequence[str], surface: Surface) -> NDArray[np.float64]:
        self.asked += [(text, surface) for text in texts]
        found = np.full((len(texts), len(HarmCategory)), 0.1)
        for row, text in enumerate(texts):
            found[row, list(HarmCategory).index(HarmCategory.VIOLENCE)] = 0.6 if "punch" in text else 0.2
            found[row, list(HarmCategory).index(HarmCategory.SEXUAL)] = 0.9 if "kiss" in text else 0.1
        return found

    def thresholds(self, surface: Surface) -> Mapping[HarmCategory, float]:
        level = 0.7 if surface is Surface.PROMPT else 0.5
        kept = [each for each in HarmCategory if each is not HarmCategory.UNSAFE or surface is Surface.PROMPT]
        return dict.fromkeys(kept, level)


def example(text: str, surface: Surface | None = None, **labels: bool) -> Example:
    given = {HarmCategory(name): value for name, value in labels.items()}
    return Example(text, text, {**CLEAN, **given}, surface=surface)


EXAMPLES = [
    example("they punch him", violence=True),
    example("a fruit punch for a party"),
    example("a quiet lake"),
    example("they kiss on the bench", Surface.PROMPT),
    example("a punch in the dark", Surface.PROMPT, violence=True),
]


def test_every_text_is_scored_where_it_stands() -> None:
    scorer = WordScorer()
    scored = score_texts(EXAMPLES, scorer)
    assert scorer.asked == [(each.text, each.surface or Surface.CAPTION) for each in EXAMPLES]
    violence = scored.columns.index("violence")
    assert scored.scores[:, violence].tolist() == [0.6, 0.6, 0.2, 0.2, 0.6]
    assert scored.flagged[:, violence].tolist() == [True, True, False, False, False]
    assert np.isinf(scored.thresholds[:3, scored.columns.index("unsafe")]).all()


def test_figures_follow_from_scores_and_thresholds() -> None:
    result = evaluate(score_texts(EXAMPLES, WordScorer()), FEW)
    violence = next(each for each in result.columns if each.column == "violence")
    assert (violence.ranking.n, violence.ranking.positives, violence.threshold) == (5, 2, None)
    assert violence.point.recall.value == 0.5
    assert violence.point.false_alarms.value == pytest.approx(1 / 3)
    together = result.together
    assert (together.examples, together.harmful, together.harmless, together.worst) == (5, 2, 3, "violence")
    assert together.false_alarms.value == pytest.approx(2 / 3)
    assert together.flagged.value == pytest.approx(3 / 5)
    unsafe = next(each for each in result.columns if each.column == "unsafe")
    assert unsafe.ranking.n == 2, "captions are not asked whether they are unsafe prompts"


def test_one_surface_for_all() -> None:
    result = evaluate(score_texts(on_surface(EXAMPLES, Surface.CAPTION), WordScorer()), FEW)
    assert next(each for each in result.columns if each.column == "violence").threshold == 0.5
    assert result.together.recall.value == 1


def test_slices_are_measured_by_themselves() -> None:
    texts = [example("a punch in a bar with a Sikh", violence=True), example("a Sikh drinks punch"), example("a lake")]
    found = {each.name: each for each in evaluate(score_texts(texts, WordScorer()), FEW).slices}
    assert (found["names: sikh"].examples, found["names: sikh"].false_alarms.value) == (2, 1)
    assert found["names any group: no"].flagged.value == 0
    assert found["length: 1-5 words"].examples == 2
    assert found["names: sikh"].by_column["violence"] == Counts(known=2, positives=1, found=1, alarms=1)
    assert found["names: sikh"].by_column["hate"] == Counts(known=2, positives=0, found=0, alarms=0)


def test_a_text_of_which_too_little_is_known_counts_as_neither() -> None:
    unknown = Example("x", "a lake", {HarmCategory.HATE: False})
    narrow = Example("y", "a lake", {**CLEAN, HarmCategory.VIOLENCE_GRAPHIC: True})
    scored = score_texts([unknown, narrow, example("a lake")], WordScorer())
    assert scored.harmful.tolist() == pytest.approx([np.nan, 1, 0], nan_ok=True)
    result = evaluate(scored, FEW)
    assert (result.together.harmful, result.together.harmless) == (1, 1)


def test_other_ways_of_writing_show_what_is_lost() -> None:
    clean = score_texts(EXAMPLES, WordScorer())
    lost = obfuscated(EXAMPLES, clean, WordScorer(), Obfuscation.FULLWIDTH, resampling=FEW)
    assert lost.kept.value == 0
    assert lost.kept_by_column["violence"].value == 0
    assert "sexual" not in lost.kept_by_column, "nothing sexual was found before"
    assert lost.together.flagged.value == 0
    assert lost.together.name == "written: fullwidth"


def test_recall_kept_is_unknown_where_nothing_was_found_before() -> None:
    calm = [example("a lake"), example("a slap", violence=True)]
    found = obfuscated(calm, score_texts(calm, WordScorer()), WordScorer(), Obfuscation.LEET, resampling=FEW)
    assert (found.kept, found.kept_by_column) == (Estimate(None), {})


def test_progress_reaches_the_number_of_texts() -> None:
    told: list[int] = []
    score_texts(EXAMPLES * 120, WordScorer(), progress=told.append)
    assert sum(told) == len(EXAMPLES) * 120
    assert len(told) > 1


def test_tables_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Scored(("a",), np.zeros((2, 1)), np.zeros((1, 1)), np.zeros((2, 1)), ((), ()), ())
