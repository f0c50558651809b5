"""The bare loop: the catalog's models and nothing else, on posts whose pictures were decoded before."""

import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from moderation.assembly import classifiers, decoder, engine_options, model_store, now
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest, PostId, new_id
from moderation.domain.post import Post, PostState
from moderation.domain.signal import FailureReason, SignalFailure, SignalSpec
from moderation.media.subject import Subject
from moderation.screening.intake import Submission
from moderation.settings import Settings
from moderation.signals.catalog import build
from moderation.signals.runtime import SignalRuntime


class BareModels:
    """The signal types that load a model, and those whose results they need, run as a lane runs them.

    `threads` bounds each model. Raises `UnavailableError` when a model is missing, since it would cost nothing.
    """

    def __init__(self, settings: Settings, *, threads: int) -> None:
        options = replace(engine_options(settings), threads=threads)
        types = build(model_store(settings), options=options, classifiers=classifiers(settings))
        wanted = with_needs([signal.spec for signal in types])
        self.names = tuple(signal.spec.name for signal in types if signal.spec.name in wanted)
        self._runtime = SignalRuntime([signal for signal in types if signal.spec.name in wanted])
        self._batch = settings.batch_posts

    def warm_up(self, subjects: Sequence[Subject]) -> None:
        """One batch that does not count. Raises `UnavailableError` naming the models that are missing."""
        found = self._runtime.measure(subjects[: self._batch])
        failures = {result.signal for row in found for result in row if _is_missing(result)}
        if failures:
            raise UnavailableError(
                f"Models are missing: {', '.join(sorted(failures))}.", hint="Run `moderation models pull`."
            )

    def per_second(self, subjects: Sequence[Subject]) -> float:
        """Posts a second, in batches as large as a lane's."""
        begin = time.perf_counter()
        for start in range(0, len(subjects), self._batch):
            self._runtime.measure(subjects[start : start + self._batch])
        return len(subjects) / (time.perf_counter() - begin)


def with_needs(specs: Sequence[SignalSpec]) -> frozenset[str]:
    """The names of the types that load models, and of all that they need, directly or not."""
    by_name = {spec.name: spec for spec in specs}
    wanted: set[str] = set()
    ahead = [spec.name for spec in specs if spec.models]
    while ahead:
        name = ahead.pop()
        if name not in wanted and name in by_name:
            wanted.add(name)
            ahead.extend(by_name[name].needs)
    return frozenset(wanted)


def decoded(settings: Settings, submissions: Sequence[Submission]) -> list[Subject]:
    """The submissions as subjects, each picture decoded as a lane decodes it."""
    with decoder(settings) as decoding:
        return [
            Subject(_post(submission), picture)
            for submission in submissions
            for picture in decoding.decode([submission.image])
        ]


def _is_missing(result: object) -> bool:
    return isinstance(result, SignalFailure) and result.reason is FailureReason.MODEL_MISSING


def _post(submission: Submission) -> Post:
    """What the intake would make of it."""
    at = now()
    return Post(
        id=PostId(new_id(at)),
        image=Digest(sha256(submission.image).hexdigest()),
        image_bytes=len(submission.image),
        caption=submission.caption,
        prompt=submission.prompt,
        author=submission.author,
        state=PostState.SCREENING,
        received_at=at,
        deadline_at=at,
    )
