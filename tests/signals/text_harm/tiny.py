"""A BERT of a few thousand weights with a vocabulary of letters and some words, and texts that it can learn."""

import json
from pathlib import Path

from moderation.domain.signal import Surface
from moderation.signals.text_harm.training.examples import Example, Part

HARM = {"S": ("nude", "naked", "sex"), "V": ("kill", "attack"), "H": ("hate",), "V2": ("blood", "gore")}
HARMLESS = (
    *("cake", "tree", "river", "house", "cat", "dog", "picture", "photo", "painting", "green", "blue", "quiet"),
    *("morning", "walk", "people", "friend", "happy", "garden"),
)
SMALL_WORDS = (
    "the",
    "a",
    "i",
    "to",
    "of",
    "and",
    "you",
    "is",
    "in",
    "on",
    "my",
    "it",
    "we",
    "me",
    "for",
    "with",
    "this",
)
WORDS = (*SMALL_WORDS, *(word for words in HARM.values() for word in words), *HARMLESS)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MARKS = "!\"#$%&'()*+,-./:;<=>?@[]_"


def encoder_folder(folder: Path, *, seed: int = 7) -> Path:
    """Write config, weights and tokenizer of a tiny encoder in the publisher's layout."""
    import torch  # noqa: PLC0415 - only the tests that train need it
    from safetensors.torch import save_file  # noqa: PLC0415
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_document()), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(vocabulary()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=300,
    )
    torch.manual_seed(seed)
    encoder = BertModel(config, add_pooling_layer=False)
    save_file({key: value.contiguous() for key, value in encoder.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(config.to_json_string(), encoding="utf-8")
    return folder


def vocabulary() -> list[str]:
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *WORDS,
        *LETTERS[26:],
        *LETTERS[:26],
        *("##" + each for each in LETTERS),
        *MARKS,
    ]


def tokenizer_document() -> dict[str, object]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415

    ids = {word: place for place, word in enumerate(dict.fromkeys(vocabulary()))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    document: dict[str, object] = json.loads(tokenizer.to_str())
    return document


def examples(rows: int = 240) -> list[Example]:
    """Sentences of three harmless words, half of them with one harmful word, in both parts and on every surface."""
    kinds = tuple(HARM.items())
    found = []
    for place in range(rows):
        words = [HARMLESS[(place * step + place // 7) % len(HARMLESS)] for step in (3, 5, 11)]
        labels = dict.fromkeys(HARM, 0)
        if place % 2:
            letter, harmful = kinds[place // 2 % len(kinds)]
            words[place % 3] = harmful[place % len(harmful)]
            labels[letter] = 1
        surface = (Surface.CAPTION, Surface.PICTURE_TEXT) if place % 4 < 2 else (Surface.PROMPT,)
        part = Part.VALIDATION if place % 5 == 0 else Part.TRAIN
        pool = "ordinary" if not any(labels.values()) else ""
        found.append(Example(" ".join(words), labels, f"source{place % 2}", surface, part, pool))
    return found
