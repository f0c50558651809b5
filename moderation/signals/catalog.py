"""The explicit list of signal types. To add one: write its module, then name it in `SPECS` and in `build`."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from moderation.domain.model_role import ModelPin
from moderation.domain.signal import FailureReason, SignalFailure, SignalResult, SignalSpec
from moderation.media.preprocess import opennsfw_224
from moderation.media.subject import Reduction, SignalType, Subject
from moderation.signals.contract import check_distinct
from moderation.signals.image_facts import IMAGE_FACTS, ImageFacts
from moderation.signals.image_nsfw import IMAGE_NSFW, REDUCTION, ImageNsfw
from moderation.signals.links import CAPTION_LINKS, CaptionLinks
from moderation.signals.models import ModelStore
from moderation.signals.post_facts import POST_FACTS, PostFacts
from moderation.signals.slots import Loader, serve
from moderation.signals.terms.document import term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_terms import CAPTION_TERMS, PROMPT_TERMS, TextTerms

SPECS: tuple[SignalSpec, ...] = (IMAGE_FACTS, IMAGE_NSFW, CAPTION_TERMS, PROMPT_TERMS, CAPTION_LINKS, POST_FACTS)
"""What every signal type of this package measures, in order; no model is needed to read it."""

REDUCTIONS: Mapping[str, Reduction] = MappingProxyType({REDUCTION: opennsfw_224})
"""What the signal types need of the full-size pixels, for the decoder."""


LOADERS: Mapping[str, Loader] = MappingProxyType({IMAGE_NSFW.name: ImageNsfw.load})
"""How the types that load a model get it, by signal name."""


def build(
    models: ModelStore, *, threads: int, live: Mapping[str, ModelPin] = MappingProxyType({})
) -> tuple[SignalType, ...]:
    """The signal types of `SPECS`, in order, with their models loaded; `threads` bounds each model's threads.

    `live` names the models that serve a signal instead of the one that ships, by signal name. A type whose model is
    missing or is not the pinned one is there all the same, and fails every post.
    """
    matcher = Matcher(term_lists())
    types: tuple[SignalType, ...] = (
        ImageFacts(),
        loaded(IMAGE_NSFW, models, threads=threads, pin=live.get(IMAGE_NSFW.name)),
        TextTerms(CAPTION_TERMS, matcher),
        TextTerms(PROMPT_TERMS, matcher),
        CaptionLinks(),
        PostFacts(),
    )
    check_distinct(SPECS)
    if tuple(signal.spec for signal in types) != SPECS:
        raise ValueError("the types that are built are not those of SPECS, in that order")
    return types


class MissingModel:
    """Stands in for a signal type whose model cannot be loaded: every post fails, so that none is approved."""

    def __init__(self, spec: SignalSpec, detail: str) -> None:
        self._spec = spec
        self._detail = detail

    @property
    def spec(self) -> SignalSpec:
        """The spec of the type that it stands in for."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """A `model_missing` failure for every post."""
        return [SignalFailure(self._spec.name, FailureReason.MODEL_MISSING, self._detail) for _ in batch]


def loaded(spec: SignalSpec, models: ModelStore, *, threads: int, pin: ModelPin | None = None) -> SignalType:
    """The signal type of `spec` with the model that ships, or with the pinned one; one that fails every post when it
    cannot be loaded.
    """
    load = LOADERS.get(spec.name)
    if load is None:
        return MissingModel(spec, f"{spec.name} is not served by a model that can be changed")
    if pin is None:
        return _or_missing(spec, lambda: load(models, threads=threads))
    return _or_missing(spec, lambda: serve(spec, pin, models, load, threads=threads))


def _or_missing(spec: SignalSpec, load: Callable[[], SignalType]) -> SignalType:
    try:
        return load()
    except Exception as error:  # noqa: BLE001 - a model that cannot be loaded holds posts, it does not end the lane
        return MissingModel(spec, str(error))
