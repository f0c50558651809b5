"""A transformers model as the engine takes it: how to load it, what it reads and gives, and how its scores are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import Digest
from moderation.signals.engine.inference import Array, Tensors

if TYPE_CHECKING:
    from torch import nn

Scores = Callable[[Mapping[str, Array]], NDArray[np.float32]]
"""The scores in a model's outputs, in the order of its rows: what two precisions are compared by."""


def softmax_scores(outputs: Mapping[str, Array]) -> NDArray[np.float32]:
    """Softmax over the last axis of `logits`."""
    logits = outputs["logits"].astype(np.float32)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid_scores(outputs: Mapping[str, Array]) -> NDArray[np.float32]:
    """The logistic function of `logits`."""
    result: NDArray[np.float32] = 0.5 * (1.0 + np.tanh(0.5 * outputs["logits"].astype(np.float32)))
    return result


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A torch module that the engine exports once and then may never need again.

    Attributes:
        name: For messages.
        digest: SHA-256 over the verified bytes of weights and configuration; an export is kept under it.
        load: Makes the module in float32 from those bytes, ready for inference (`eval()`). Called only when needed.
        example: Fixed inputs, at least two rows, as the model meets them: traced, compared and timed with.
        outputs: Names of the module's outputs that are wanted: attributes or keys of what `forward` returns.
        lengths: Inputs whose axis 1 varies from call to call (token ids, masks); shorter ones may be padded with
            zeros there, so a mask must be among them.
        max_length: The most that axis 1 of those may have.
        scores: Reads the scores that must not change by more than `MAX_SCORE_CHANGE` from one precision to another.
        recipe: To be changed whenever `load` makes something else of the same bytes.
        model: Digest of the model in the store that it is made of, where `digest` covers more than that.
    """

    name: str
    digest: Digest
    load: Callable[[], "nn.Module"]
    example: Tensors
    outputs: tuple[str, ...] = ("logits",)
    lengths: frozenset[str] = field(default_factory=frozenset)
    max_length: int = 512
    scores: Scores = softmax_scores
    recipe: str = "1"
    model: Digest | None = None


MAX_SCORE_CHANGE = 0.02
"""The largest difference of a score that another precision may make on the example."""
