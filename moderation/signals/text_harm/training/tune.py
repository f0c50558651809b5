"""Fine-tunes encoder and heads on labels that are partly unknown, then steps back towards the pretrained weights."""

import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import replace
from itertools import chain, count, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.signals.text_harm.training.batches import Corpus, TrainingRow, epoch
from moderation.signals.text_harm.training.encoder import pooled, tensors
from moderation.signals.text_harm.training.examples import Options
from moderation.signals.text_harm.training.linear import Heads

if TYPE_CHECKING:
    import torch
    from transformers import BertModel

WARM_UP = 0.06
"""Share of the steps in which the learning rate rises; afterwards it falls to 0."""
DROPOUT = 0.1
LARGEST_GRADIENT = 1.0
REPORT_STEPS = 50
RAREST = 1e-3
"""Classes rarer than this are not weighted up further."""
MEMORY = 0.02
"""How much the newest loss counts in the mean that is reported."""

Progress = Callable[[str], None]
"""Told one short line from time to time."""


def tune(
    encoder: "BertModel", heads: Heads, corpus: Corpus, options: Options, progress: Progress
) -> tuple["BertModel", Heads]:
    """A tuned copy of the encoder with its heads, interpolated with what came in (Wortsman et al. 2022).

    The loss is binary cross-entropy over the known labels, classes balanced by the root of their shares; where a label
    is unknown the first model's opinion is the target, with a small weight, so that tuning on one category does not
    unlearn another (Li and Hoiem 2016). Embeddings and the lowest layers stay as they are.
    """
    import torch  # noqa: PLC0415 - only training needs it

    tuned, head = deepcopy(encoder), _linear(heads)
    tuned.train()
    optimiser = torch.optim.AdamW(_groups(tuned, head, options), weight_decay=0.01, betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimiser.param_groups]
    parameters = [each for group in optimiser.param_groups for each in group["params"]]
    loss_of = _Loss(corpus, options)
    total = max(1, int(-(-len(corpus.rows) // options.batch_rows) * options.epochs))
    started, mean = time.monotonic(), 0.0
    for step, batch in enumerate(_batches(corpus, options, total)):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / (WARM_UP * total + 1)) * (1 - step / total)
        loss = loss_of(tuned, head, batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        mean += (float(loss.detach()) - mean) * (MEMORY if step else 1.0)
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == total:
            progress(f"step {step + 1} of {total}, loss {mean:.4f}, {time.monotonic() - started:.0f} s")
    return _between(encoder, heads, tuned.train(False), head, options.interpolation)


def tune_often(
    encoder: "BertModel", heads: Heads, corpus: Corpus, options: Options, progress: Progress
) -> tuple["BertModel", Heads]:
    """The mean of the weights of `options.runs` tunings with one seed after the other, each in a process of one thread.

    What they start from is the same, so that the mean lies between good models and is better than most of them
    (Wortsman et al. 2022, "Model soups"); it costs nothing when it is used.
    """
    plain = replace(options, caps={}, weights={}, limits={})  # a tuning needs none, and a view cannot be pickled
    each = [replace(plain, seed=options.seed + run) for run in range(options.runs)]
    jobs = [pickle.dumps((encoder, heads, corpus, own)) for own in each]
    progress(f"{options.runs} tunings, {options.threads} at a time")
    with ProcessPoolExecutor(min(options.runs, options.threads), mp_context=get_context("spawn")) as pool:
        runs: list[tuple[BertModel, Heads]] = [
            pickle.loads(done)  # noqa: S301 - what the process beside this one wrote
            for done in pool.map(_tuned, jobs)
        ]
    progress("tuned")
    states = [tuned.state_dict() for tuned, _ in runs]
    mean, _ = runs[0]
    mean.load_state_dict(
        {
            key: sum(state[key] for state in states) / len(states) if value.is_floating_point() else value
            for key, value in states[0].items()
        }
    )
    weight = np.stack([own.weight for _, own in runs]).mean(axis=0)
    return mean, Heads(weight, np.stack([own.bias for _, own in runs]).mean(axis=0))


def _tuned(job: bytes) -> bytes:
    """One tuning in a process of its own; pickled on either side, so that no memory is shared."""
    import torch  # noqa: PLC0415

    encoder, heads, corpus, options = pickle.loads(job)  # noqa: S301 - what the process that began this one wrote
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    return pickle.dumps(tune(encoder, heads, corpus, options, _reported))


def _reported(line: str) -> None:
    sys.stderr.write(line + "\n")


class _Loss:
    """The loss of a batch, with the classes' balance over the whole corpus."""

    def __init__(self, corpus: Corpus, options: Options) -> None:
        labels = np.stack([row.labels for row in corpus.rows])
        share = (labels == 1).sum(0) / np.maximum((labels >= 0).sum(0), 1)
        self._harmful = np.sqrt(0.5 / np.clip(share, RAREST, 1.0))
        self._harmless = np.sqrt(0.5 / np.clip(1.0 - share, RAREST, 1.0))
        self._marks = corpus.marks
        self._options = options

    def __call__(self, encoder: "BertModel", head: "torch.nn.Linear", batch: Sequence[TrainingRow]) -> "torch.Tensor":
        """A scalar to be minimised."""
        import torch  # noqa: PLC0415

        first, last = self._marks
        room = self._options.train_tokens - len(self._marks)
        states = pooled(encoder, *tensors([[first, *row.tokens[:room], last] for row in batch]))
        logits = head(torch.nn.functional.dropout(states, DROPOUT))
        labels = np.stack([row.labels for row in batch])
        targets = np.where(labels >= 0, labels, np.stack([row.opinion for row in batch]))
        soft = np.full_like(targets, self._options.soft_weight)
        weights = np.where(labels == 1, self._harmful, np.where(labels == 0, self._harmless, soft))
        weights = weights * np.array([[row.weight] for row in batch])
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(targets.astype(np.float32)), reduction="none"
        )
        return (losses * torch.from_numpy(weights.astype(np.float32))).mean()


def _batches(corpus: Corpus, options: Options, total: int) -> Iterator[list[TrainingRow]]:
    random = np.random.default_rng(options.seed)
    epochs = (epoch(corpus, options, random) for _ in count())
    return islice(chain.from_iterable(epochs), total)


def _linear(heads: Heads) -> "torch.nn.Linear":
    import torch  # noqa: PLC0415

    labels, width = heads.weight.shape
    head = torch.nn.Linear(width, labels)
    head.load_state_dict({"weight": torch.from_numpy(heads.weight), "bias": torch.from_numpy(heads.bias)})
    return head


def _groups(encoder: "BertModel", head: "torch.nn.Linear", options: Options) -> list[dict[str, Any]]:
    """Parameters with their learning rates: lower layers learn slower, the lowest and the embeddings not at all."""
    for parameter in encoder.parameters():
        parameter.requires_grad = False
    groups: list[dict[str, Any]] = [{"params": list(head.parameters()), "lr": options.head_rate}]
    layers = list(encoder.encoder.layer)
    for depth, layer in enumerate(reversed(layers[options.frozen_layers :])):
        parameters = list(layer.parameters())
        for parameter in parameters:
            parameter.requires_grad = True
        groups.append({"params": parameters, "lr": options.learning_rate * options.layer_decay**depth})
    return groups


def _between(
    encoder: "BertModel", heads: Heads, tuned: "BertModel", head: "torch.nn.Linear", share: float
) -> tuple["BertModel", Heads]:
    old, new = encoder.state_dict(), tuned.state_dict()
    tuned.load_state_dict(
        {key: old[key] + (new[key] - old[key]) * share if old[key].is_floating_point() else old[key] for key in old}
    )
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    mixed = Heads(heads.weight + (weight - heads.weight) * share, heads.bias + (bias - heads.bias) * share)
    return tuned, mixed
