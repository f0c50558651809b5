"""The explicit list of signal types. To add one: write its module, then name it in `SPECS` and in `build`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import structlog

from moderation.domain.errors import ModerationError
from moderation.domain.model_role import ModelPin
from moderation.domain.signal import FailureReason, SignalFailure, SignalResult, SignalSpec
from moderation.media.codes import PICTURE_CODES as CODES
from moderation.media.codes import picture_codes
from moderation.media.preprocess import opennsfw_224
from moderation.media.subject import Reduction, SignalType, Subject
from moderation.signals import hub_catalog
from moderation.signals.caption_language import CAPTION_LANGUAGE, CaptionLanguage
from moderation.signals.embedded_prompt_terms import EMBEDDED_PROMPT_TERMS, EmbeddedPromptTerms
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.placement import ANY, SAVED_FLOAT32, SAVED_INT8, Form
from moderation.signals.hub_specs import hub_spec
from moderation.signals.image_container import IMAGE_CONTAINER, ImageContainer
from moderation.signals.image_facts import IMAGE_FACTS, ImageFacts
from moderation.signals.image_nsfw import IMAGE_NSFW, ImageNsfw
from moderation.signals.image_nsfw import REDUCTION as OPENNSFW
from moderation.signals.links import CAPTION_LINKS, CaptionLinks
from moderation.signals.models import ModelStore
from moderation.signals.picture_codes import PICTURE_CODES, PictureCodes
from moderation.signals.picture_text.signal import PICTURE_TEXT, PictureText
from moderation.signals.post_facts import POST_FACTS, PostFacts
from moderation.signals.prompt_script import PROMPT_SCRIPT, PromptScript
from moderation.signals.registry import ModelEntry
from moderation.signals.slots import Loader, serve
from moderation.signals.terms.document import term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_harm.signal import TEXT_HARM, TextHarm
from moderation.signals.text_terms import CAPTION_TERMS, PICTURE_TEXT_TERMS, PROMPT_TERMS, TextTerms

log = structlog.get_logger(__name__)

SPECS: tuple[SignalSpec, ...] = (
    IMAGE_FACTS,
    IMAGE_CONTAINER,
    IMAGE_NSFW,
    PICTURE_TEXT,
    PICTURE_CODES,
    CAPTION_TERMS,
    PROMPT_TERMS,
    PICTURE_TEXT_TERMS,
    EMBEDDED_PROMPT_TERMS,
    CAPTION_LINKS,
    CAPTION_LANGUAGE,
    PROMPT_SCRIPT,
    TEXT_HARM,
    POST_FACTS,
)
"""What every signal type of this package measures, in order; no model is needed to read it."""

REDUCTIONS: Mapping[str, Reduction] = MappingProxyType({OPENNSFW: opennsfw_224, CODES: picture_codes})
"""What the signal types need of the full-size pixels, for the decoder."""


def _text_harm(models: ModelStore, *, options: EngineOptions) -> TextHarm:
    return TextHarm.load(models, threads=options.threads)


def _picture_text(models: ModelStore, *, options: EngineOptions) -> PictureText:
    return PictureText.load(models, threads=options.threads, options=options)


LOADERS: Mapping[str, Loader] = MappingProxyType(
    {IMAGE_NSFW.name: ImageNsfw.load, PICTURE_TEXT.name: _picture_text, TEXT_HARM.name: _text_harm}
)
"""How the types that load a model get it, by signal name."""
FORMS: Mapping[str, Form] = MappingProxyType(
    {IMAGE_NSFW.name: SAVED_FLOAT32, PICTURE_TEXT.name: SAVED_FLOAT32, TEXT_HARM.name: SAVED_INT8}
)
"""What their models can run as, by signal name; those of the registry's classifiers can run as anything."""


def form_of(spec: SignalSpec) -> Form | None:
    """What the signal's models can run as; None when it runs none."""
    return FORMS.get(spec.name, ANY) if spec.models else None


def build(
    models: ModelStore,
    *,
    options: EngineOptions,
    live: Mapping[str, ModelPin] = MappingProxyType({}),
    classifiers: Sequence[ModelEntry] = (),
) -> tuple[SignalType, ...]:
    """The signal types of `SPECS`, in order, with their models loaded, then those of the registry's `classifiers`.

    `options` bound each model. `live` names the models that serve a signal instead of the one that ships, by
    signal name. A type whose model is missing or is not the pinned one is there all the same, and fails every post.
    """
    matcher = Matcher(term_lists())

    def slot(spec: SignalSpec) -> SignalType:
        return loaded(spec, models, options=options, pin=live.get(spec.name), classifiers=classifiers)

    types: tuple[SignalType, ...] = (
        ImageFacts(),
        ImageContainer(),
        slot(IMAGE_NSFW),
        slot(PICTURE_TEXT),
        PictureCodes(),
        TextTerms(CAPTION_TERMS, matcher),
        TextTerms(PROMPT_TERMS, matcher),
        TextTerms(PICTURE_TEXT_TERMS, matcher),
        EmbeddedPromptTerms(matcher),
        CaptionLinks(),
        _or_missing(CAPTION_LANGUAGE, CaptionLanguage.load),
        PromptScript(),
        slot(TEXT_HARM),
        PostFacts(),
    )
    if tuple(signal.spec for signal in types) != SPECS:
        raise ValueError("the types that are built are not those of SPECS, in that order")
    return (*types, *(slot(hub_spec(entry)) for entry in classifiers))


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


def loaded(
    spec: SignalSpec,
    models: ModelStore,
    *,
    options: EngineOptions,
    pin: ModelPin | None = None,
    classifiers: Sequence[ModelEntry] = (),
) -> SignalType:
    """The signal type of `spec` with the model that ships, or with the pinned one; one that fails every post when it
    cannot be loaded.
    """
    load = loader(spec, classifiers)
    if load is None:
        return MissingModel(spec, f"{spec.name} is not served by a model that can be changed")
    if pin is None:
        return _or_missing(spec, lambda: load(models, options=options))
    return _or_missing(spec, lambda: serve(spec, pin, models, load, options=options))


def loader(spec: SignalSpec, classifiers: Sequence[ModelEntry]) -> Loader | None:
    """How the signal's model is loaded; None for a signal whose model cannot be another one."""
    if spec.name in LOADERS:
        return LOADERS[spec.name]
    entry = next((one for one in classifiers if one.name in spec.models), None)
    if entry is None:
        return None

    def load(models: ModelStore, *, options: EngineOptions) -> SignalType:
        own = replace(options, call_seconds=spec.time_limit_s)
        return hub_catalog.load(entry, models, hub_catalog.in_engine(models, own))

    return load


def _or_missing(spec: SignalSpec, load: Callable[[], SignalType]) -> SignalType:
    try:
        return load()
    except Exception as error:  # noqa: BLE001 - a model that cannot be loaded holds posts, it does not end the lane
        hint = error.hint if isinstance(error, ModerationError) else ""
        log.error("model_missing", signal=spec.name, reason=str(error), hint=hint)  # noqa: TRY400 - it says it all
        return MissingModel(spec, f"{error} {hint}".strip())
