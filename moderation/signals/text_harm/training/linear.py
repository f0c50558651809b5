"""Logistic regression with unknown labels: the first model, whose opinion guides the second."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

FEWEST_POSITIVES = 5
RARE_BIAS = -5.0
"""The logit of a label that has too few positives to learn."""


@dataclass(frozen=True, slots=True)
class Heads:
    """One linear function per label over the encoder's pooled output: `weight` (labels, width), `bias` (labels,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of shape (rows, labels)."""
        return np.asarray(features @ self.weight.T + self.bias, np.float32)


def fit_heads(
    features: NDArray[np.float32], labels: NDArray[np.int8], weights: NDArray[np.float32], *, strength: float = 1.0
) -> Heads:
    """Fit every column of `labels` (1, 0, below 0 unknown) on `features`, each row counting `weights`.

    `strength` is the inverse of the penalty, as C in other libraries.
    """
    mean, scale = features.mean(axis=0), float(features.std()) or 1.0
    standard = (features - mean) / scale
    columns = [_fit(standard, labels[:, place], weights, strength) for place in range(labels.shape[1])]
    weight = np.stack([column[0] for column in columns]) / scale
    bias = np.array([column[1] for column in columns], np.float32) - weight @ mean
    return Heads(weight.astype(np.float32), bias.astype(np.float32))


def _fit(
    features: NDArray[np.float32], labels: NDArray[np.int8], weights: NDArray[np.float32], strength: float
) -> tuple[NDArray[np.float32], float]:
    import torch  # noqa: PLC0415 - only training needs it

    known = labels >= 0
    if int((labels == 1).sum()) < FEWEST_POSITIVES:
        return np.zeros(features.shape[1], np.float32), RARE_BIAS
    x = torch.from_numpy(features[known])
    y = torch.from_numpy(labels[known].astype(np.float32))
    share = y.mean()
    balance = torch.where(y > 0, (0.5 / share) ** 0.5, (0.5 / (1 - share)) ** 0.5) * torch.from_numpy(weights[known])
    balance = balance / balance.mean()
    weight = torch.zeros(features.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe", tolerance_grad=1e-5)

    def loss() -> "torch.Tensor":
        optimiser.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight + bias, y, weight=balance)
        value = value + (weight**2).sum() / (2 * strength * len(y))
        torch.autograd.backward(value)
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().numpy(), float(bias.detach()[0])
