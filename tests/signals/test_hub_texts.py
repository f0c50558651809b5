from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertTokenizer

from moderation.domain.errors import ModelStoreError
from moderation.domain.signal import Score
from moderation.media.subject import Subject
from moderation.signals.contract import checked
from moderation.signals.hub_texts import HubTextClassifier, load_text_classifier, read_tokenizer, readings, split
from moderation.signals.models import ModelStore
from moderation.signals.registry import Classifier
from tests.factories import a_post, facts
from tests.signals import checkpoints
from tests.signals.checkpoints import TEXTS, edit_json, in_torch, rewrite, store_of
from tests.signals.conftest import a_picture, pixels

SENTENCES = ("a quiet lake", "go away you", "I will find you!", "b")


@pytest.fixture(scope="module", params=["vocab.txt", "tokenizer.json"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return checkpoints.bert(tmp_path_factory.mktemp("mirror") / "toy", tokenizer=request.param)


@pytest.fixture
def store(tmp_path: Path, folder: Path) -> ModelStore:
    return store_of(tmp_path, folder, TEXTS)


@pytest.fixture
def signal(store: ModelStore) -> HubTextClassifier:
    return load_text_classifier(store, "toy", in_torch)


def reference(folder: Path, texts: tuple[str, ...]) -> Any:
    """Sigmoids by transformers' own tokenizer and model."""
    if (folder / "vocab.txt").exists():
        words = (folder / "vocab.txt").read_text().splitlines()
        tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(words)}, do_lower_case=True)
    else:
        tokenizer = BertTokenizer(tokenizer_file=str(folder / "tokenizer.json"))
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        with torch.no_grad():
            rows.append(model(**tokenizer(text, return_tensors="pt")).logits.sigmoid().numpy()[0])
    return np.array(rows)


def test_scores_are_those_of_transformers(folder: Path, signal: HubTextClassifier) -> None:
    found = signal.scores(SENTENCES)
    assert found == pytest.approx(reference(folder, SENTENCES), abs=1e-5)
    assert found.std(axis=0).min() > 1e-3


def test_caption_and_prompt_have_their_own_columns(signal: HubTextClassifier) -> None:
    picture = a_picture(pixels(0))
    subjects = [
        Subject(a_post(caption=SENTENCES[0], prompt=SENTENCES[1]), picture),
        Subject(a_post(caption=""), picture),
    ]
    results = [
        checked(result, signal.spec, subject)
        for result, subject in zip(signal.measure(subjects), subjects, strict=True)
    ]
    first, second = (result.values for result in results if isinstance(result, Score))
    expected = signal.scores(SENTENCES[:2])
    assert list(first.values()) == pytest.approx(expected.reshape(-1).tolist(), abs=1e-5)
    assert list(first) == ["caption_toy_toxic", "caption_toy_threat", "prompt_toy_toxic", "prompt_toy_threat"]
    assert second["caption_toy_toxic"] == second["caption_toy_threat"] == 0.0
    assert facts().frames == 1


def test_the_end_of_a_long_text_is_read_too(signal: HubTextClassifier) -> None:
    """Harmless words before must not push the harmful ones out of the window."""
    windows = {letter: float(signal.scores([f"{letter} " * 14])[0, 0]) for letter in "abcdefghijkl"}
    mild, worst = min(windows, key=lambda letter: windows[letter]), max(windows, key=lambda letter: windows[letter])
    text = f"{mild} " * 400 + f"{worst} " * 30
    pieces = split(signal._tokenizer, [text])
    assert len(pieces.ids) > 30
    assert max(len(piece) for piece in pieces.ids) <= 16
    assert windows[worst] > windows[mild] + 0.01
    assert signal.scores([text])[0, 0] >= windows[worst] - 1e-5


def test_texts_do_not_change_each_others_scores(signal: HubTextClassifier) -> None:
    texts = [*SENTENCES, "the cat " * 30, "", "   \n"]
    together = signal.scores(texts)
    for text, row in zip(texts, together, strict=True):
        assert row == pytest.approx(signal.scores([text])[0], abs=1e-5)
    assert (together[-2:] == 0).all()


def test_look_alike_letters_and_hidden_signs_hide_nothing(signal: HubTextClassifier) -> None:
    plain = "go away you"
    for disguised in ("g\u043e aw\u0430y y\u043eu", "g\u200bo a\u200bway you", "\uff47\uff4f away you"):
        assert readings(disguised) == (disguised, plain)
        assert (signal.scores([disguised]) >= signal.scores([plain]) - 1e-5).all()
    assert readings("Go AWAY you") == ("Go AWAY you",)
    assert readings(" \n") == ()


def test_special_tokens_in_a_text_are_plain_signs(store: ModelStore) -> None:
    tokenizer = read_tokenizer(store, "toy", Classifier.model_validate(TEXTS), most=16)
    ids = tokenizer.encode("[SEP] [CLS]").ids
    assert ids.count(3) == 1
    assert ids.count(2) == 1
    assert len(ids) > 4


def test_other_labels_and_lengths_are_refused(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="missing label threat"):
        load_text_classifier(
            edit_json(store, "toy", "config.json", id2label={"0": "toxic"}, label2id=None), "toy", in_torch
        )
    long = {**TEXTS, "max_tokens": 512}
    folder = checkpoints.bert(tmp_path / "mirror" / "long")
    with pytest.raises(ModelStoreError, match="at most 16 tokens"):
        load_text_classifier(store_of(tmp_path / "long", folder, long), "long", in_torch)


def test_a_broken_tokenizer_is_refused(store: ModelStore, folder: Path) -> None:
    filename = "vocab.txt" if (folder / "vocab.txt").exists() else "tokenizer.json"
    for broken in (b"nothing\n", b"\xff\xfe", b"{}"):
        with pytest.raises(ModelStoreError, match="tokenizer"):
            load_text_classifier(rewrite(store, "toy", filename, broken), "toy", in_torch)


def test_lone_surrogates_are_read_as_signs(signal: HubTextClassifier) -> None:
    assert (signal.scores(["you \ud800 fool"]) == signal.scores(["you ? fool"])).all()
