"""`moderation eval text`: every file through a classifier, with its figures, slices and obfuscations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.examples import Example, read_examples
from moderation.evaluation.metrics import DEFAULT_RESAMPLING
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.scored import Evaluation, Scored, evaluate
from moderation.evaluation.texts import ObfuscationResult, TextScorer, obfuscated, on_surface, score_texts
from moderation.reporting.evaluation.document import VERSION, Document, evaluation

Tell = Callable[[str, int, int], None]
"""Told what is being scored, how many texts of it are done, and how many there are."""


class NamedScorer(TextScorer, Protocol):
    """A classifier that says which one it is; `digest` is of its weights, "" where it has none."""

    @property
    def name(self) -> str:
        """Its name in the model store."""
        ...

    @property
    def digest(self) -> str:
        """The SHA-256 of its weights."""
        ...


@dataclass(frozen=True, slots=True)
class TextSet:
    """Examples under a name; `sha256` is of the file's bytes, so that figures say exactly what they are of."""

    name: str
    sha256: str
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class TextEvaluation:
    """A file's figures, the scores behind them, and the baseline's figures where one was asked for."""

    source: TextSet
    scored: Scored
    result: Evaluation
    obfuscations: tuple[ObfuscationResult, ...]
    baseline: Evaluation | None

    def document(self) -> Document:
        """The figures for JSON."""
        own = {"set": self.source.name, "sha256": self.source.sha256, "examples": len(self.source.examples)}
        told: Document = {**own, **evaluation(self.result, self.obfuscations)}
        if self.baseline is not None:
            told["baseline"] = evaluation(self.baseline)
        return told


def read_sets(paths: Sequence[Path], surface: Surface | None = None) -> list[TextSet]:
    """Every file, read and checked before anything is scored. Raises what `read_examples` raises."""
    found = []
    for path in paths:
        examples = read_examples(path)
        digest = sha256(path.read_bytes()).hexdigest()
        found.append(TextSet(path.stem, digest, examples if surface is None else on_surface(examples, surface)))
    return found


def evaluate_text(
    source: TextSet,
    scorer: TextScorer,
    *,
    ways: Sequence[Obfuscation] = (),
    baseline: TextScorer | None = None,
    tell: Tell | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> TextEvaluation:
    """The figures of one file; `ways` are the obfuscations to try, `baseline` a second classifier to stand beside."""
    scored = score_texts(source.examples, scorer, progress=_steps(source, "", tell))
    rewritten = tuple(
        obfuscated(
            source.examples, scored, scorer, way, progress=_steps(source, f" ({way})", tell), resampling=resampling
        )
        for way in ways
    )
    other = None if baseline is None else evaluate(score_texts(source.examples, baseline), resampling)
    return TextEvaluation(source, scored, evaluate(scored, resampling), rewritten, other)


def _steps(source: TextSet, kind: str, tell: Tell | None) -> Callable[[int], None]:
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if tell is not None:
            tell(f"{source.name}{kind}", done, len(source.examples))

    return step


def text_document(scorer: NamedScorer, found: Sequence[TextEvaluation]) -> Document:
    """All files' figures with the model that they are of."""
    return {
        "eval": "text",
        "version": VERSION,
        "model": {"name": scorer.name, "digest": scorer.digest},
        "sets": [each.document() for each in found],
    }
