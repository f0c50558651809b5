"""The sets that every release is measured on: the challenge sets, and what of the corpora nobody trained on."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from datasets import corpora
from datasets.manifests import Use, manifest_of
from datasets.rows import Row, Split, TextSurface, split_of
from moderation.bench.evaluation.text import TextSet
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.examples import Example, read_examples

CHALLENGES = Path(__file__).resolve().parents[3] / "datasets" / "challenges"


def challenge_names() -> list[str]:
    """The challenge sets in this repository, in order."""
    return sorted(path.stem for path in CHALLENGES.glob("*.jsonl"))


def corpus_names() -> list[str]:
    """The corpora of labelled texts, in order; they lie outside the repository."""
    return corpora.names()


def challenge(name: str) -> TextSet:
    """A challenge set. Raises NotFoundError for an unknown name."""
    path = CHALLENGES / f"{name}.jsonl"
    if name not in challenge_names():
        raise NotFoundError(f"No challenge set is called {name!r}.", hint=f"Sets: {', '.join(challenge_names())}.")
    return TextSet(name, sha256(path.read_bytes()).hexdigest(), read_examples(path))


def held_out(name: str, folder: Path | None = None) -> TextSet:
    """What nobody trained on of a corpus: its test split, or all of it where its licence allows evaluation only.

    Raises what `corpora.load` raises, and InvalidInputError when nothing of it is held out.
    """
    manifest = manifest_of(name)
    rows = corpora.load(name, folder)
    kept = rows if manifest.use is Use.EVALUATE else [row for row in rows if split_of(row) is Split.TEST]
    if not kept:
        raise InvalidInputError(f"Nothing of {name} is held out.")
    return TextSet(name, manifest.sha256, [_example(row) for row in kept])


def held_out_sets(names: Sequence[str] = (), folder: Path | None = None) -> list[TextSet]:
    """The held-out part of the named corpora, or of all."""
    return [held_out(name, folder) for name in names or corpus_names()]


def _example(row: Row) -> Example:
    labels = {category: row.labels[category.label] == 1 for category in HarmCategory if category.label in row.labels}
    surface = Surface.PROMPT if row.surface is TextSurface.PROMPT else Surface.CAPTION
    return Example(row.id, row.text, labels, row.surface, surface)
