from pathlib import Path

import pytest

from datasets import corpora
from datasets.manifests import Use, manifest_of
from datasets.rows import Split, split_of
from moderation.bench.evaluation.sets import challenge, challenge_names, corpus_names, held_out
from moderation.domain.errors import NotFoundError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.identity import IDENTITIES
from moderation.evaluation.regression import FALSE_ALARM_LIMITS, GROUP_LIMITS


def test_every_challenge_set_can_be_had_by_name() -> None:
    assert "benign_lookalikes" in challenge_names()
    assert all(challenge(name).examples for name in challenge_names())
    assert set(FALSE_ALARM_LIMITS) | set(GROUP_LIMITS) <= set(challenge_names())
    with pytest.raises(NotFoundError, match="no_such_set"):
        challenge("no_such_set")


@pytest.mark.parametrize("name", ["neutral_identity", "identity_templates"])
def test_there_are_enough_sentences_for_every_group(name: str) -> None:
    parts = [example.slice for example in challenge(name).examples]
    least = 20 if name == "identity_templates" else 8
    assert len(set(parts)) >= 30
    assert min(parts.count(part) for part in set(parts)) >= least


def test_every_group_whose_words_are_known_is_named_in_a_sentence() -> None:
    texts = " ".join(example.text for example in challenge("identity_templates").examples).casefold()
    missing = [group.name for group in IDENTITIES if not any(word in texts for word in group.words)]
    assert missing == ["african american"]


def test_what_is_held_out_is_what_nobody_trained_on(shared: Path) -> None:
    folder = shared / "datasets"
    assert "edos_train" in corpus_names()
    rows = corpora.load("catqa", folder)
    assert manifest_of("catqa").use is Use.TRAIN
    assert [each.id for each in held_out("catqa", folder).examples] == [
        row.id for row in rows if split_of(row) is Split.TEST
    ]


def test_a_corpus_for_evaluation_only_is_held_out_as_a_whole(shared: Path) -> None:
    found = held_out("eval_only_stormfront2018", shared / "datasets")
    assert len(found.examples) == 10_465
    assert HarmCategory.HATE in found.examples[0].labels
    assert {each.surface for each in found.examples} <= {Surface.CAPTION, Surface.PROMPT}
