"""What the word pieces of a text say by themselves: a linear model over their presence, beside the encoder.

The encoder reads sentences and errs on those of strangers; a sum over words knows no context, but it knows every word
of a term list. The two err on different texts, so that their sum ranks better than either.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.signals.text_harm.training.linear import FEWEST_POSITIVES

if TYPE_CHECKING:
    import torch

STRENGTH = 0.03
"""The inverse of the penalty on a column's weights."""
SHARE = 0.35
"""How much the sum counts beside the encoder's logit."""
MOST = 6.0
"""The sum is kept within this on either side: many words say no more than a few."""
STEPS = 80


@dataclass(frozen=True, slots=True)
class Words:
    """`weight` of each word piece for each label, (vocabulary, labels), and `bias` (labels,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """What is added to the encoder's logits, of shape (rows, labels)."""
        sums = np.stack([self.weight[sorted(set(row))].sum(axis=0) for row in tokens]) + self.bias
        return np.asarray(SHARE * np.clip(sums, -MOST, MOST), np.float32)


def fit_words(
    tokens: Sequence[Sequence[int]], labels: NDArray[np.int8], weights: NDArray[np.float32], vocabulary: int
) -> Words:
    """Fit every column of `labels` (1, 0, below 0 unknown) on the rows' word pieces, each row counting `weights`.

    A piece counts by the logarithm of how much more often harmful texts have it than harmless ones (Wang and Manning
    2012), in a logistic regression with a penalty. A column with too few harmful rows is left at nothing.
    """
    columns = [_fit(tokens, labels[:, place], weights, vocabulary) for place in range(labels.shape[1])]
    return Words(
        np.stack([weight for weight, _ in columns], axis=1), np.array([bias for _, bias in columns], np.float32)
    )


def _fit(
    tokens: Sequence[Sequence[int]], labels: NDArray[np.int8], weights: NDArray[np.float32], vocabulary: int
) -> tuple[NDArray[np.float32], float]:
    import torch  # noqa: PLC0415 - only training needs it

    known = np.flatnonzero(labels >= 0)
    harmful = labels[known] == 1
    if harmful.sum() < FEWEST_POSITIVES or harmful.all():
        return np.zeros(vocabulary, np.float32), 0.0
    rows, pieces = _presence([tokens[place] for place in known.tolist()])
    ratio = _ratio(rows, pieces, harmful, vocabulary)
    share = harmful.mean()
    balance = np.where(harmful, (0.5 / share) ** 0.5, (0.5 / (1 - share)) ** 0.5) * weights[known]
    weight, bias = _regression(
        torch.from_numpy(rows),
        torch.from_numpy(pieces),
        torch.from_numpy(ratio),
        torch.from_numpy(harmful.astype(np.float64)),
        torch.from_numpy(balance / balance.mean()),
    )
    return (weight * ratio).astype(np.float32), bias


def _presence(tokens: Iterable[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row and the piece of every distinct piece of a row."""
    distinct = [sorted(set(row)) for row in tokens]
    rows = np.repeat(np.arange(len(distinct)), [len(row) for row in distinct])
    return rows, np.array([piece for row in distinct for piece in row], np.int64)


def _ratio(
    rows: NDArray[np.int64], pieces: NDArray[np.int64], harmful: NDArray[np.bool_], vocabulary: int
) -> NDArray[np.float64]:
    """The log ratio of each piece's smoothed share among harmful and harmless texts; 0 for pieces never seen."""
    seen = [np.bincount(pieces[harmful[rows] == kind], minlength=vocabulary) for kind in (True, False)]
    shares = [(1 + count) / (1 + count).sum() for count in seen]
    return np.where(seen[0] + seen[1] > 0, np.log(shares[0] / shares[1]), 0.0)


def _regression(
    rows: "torch.Tensor",
    pieces: "torch.Tensor",
    ratio: "torch.Tensor",
    harmful: "torch.Tensor",
    balance: "torch.Tensor",
) -> tuple[NDArray[np.float64], float]:
    import torch  # noqa: PLC0415

    weight = torch.zeros(len(ratio), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> "torch.Tensor":
        optimiser.zero_grad()
        sums = torch.zeros_like(harmful).index_add(0, rows, (weight * ratio)[pieces]) + bias
        value = torch.nn.functional.binary_cross_entropy_with_logits(sums, harmful, weight=balance, reduction="sum")
        value = (value + (weight**2).sum() / (2 * STRENGTH)) / len(harmful)
        torch.autograd.backward(value)
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().numpy(), float(bias.detach()[0])
