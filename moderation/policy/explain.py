"""A verdict in plain words: which rules fired, on which numbers, and what all of it rests on."""

from collections.abc import Iterator

from moderation.domain.media import Refusal
from moderation.domain.signal import Match, Score, SignalFailure, SignalResult, Value
from moderation.domain.verdict import Comparison, Judgement, RuleHit, RuleStatus, Screening, Verdict
from moderation.policy.comparisons import literal

DIGEST_CHARS = 12


def explain(screening: Screening) -> list[str]:
    """The screening's verdict as lines of text, the most important first. Times and lanes are left to the caller."""
    return [
        *_verdict(screening.judgement),
        *(line for hit in screening.judgement.hits for line in _hit(hit)),
        *_section("not measured", (f"  {failure}" for failure in screening.judgement.failures)),
        *_section("measured", _measurements(screening.results)),
        *_section("places in the text", _places(screening.results)),
        *_section("known pictures", _banks(screening.results)),
        *_section("rests on", _pins(screening)),
    ]


def _verdict(judgement: Judgement) -> Iterator[str]:
    where = f" in the queue {judgement.queue}" if judgement.verdict is Verdict.HOLD else ""
    yield f"{judgement.verdict}{where}: {judgement.reason}"
    if judgement.complete:
        yield "  complete: every signal measured, every live rule was decided"
    else:
        yield "  incomplete: something was not measured or not decided, so this can never approve"


def _hit(hit: RuleHit) -> Iterator[str]:
    shadow = "" if hit.status is RuleStatus.LIVE else f", {hit.status} only"
    effect = f"holds in the queue {hit.queue}" if hit.verdict is Verdict.HOLD else f"{hit.verdict}s"
    yield f"rule {hit.rule} is {hit.truth} and {effect}{shadow}: {hit.reason}"
    for comparison in hit.comparisons:
        yield f"  {comparison.truth:<7}  {_comparison(comparison)}"


def _comparison(comparison: Comparison) -> str:
    numbers = " ".join(part for part in (literal(comparison.actual), comparison.operator, comparison.expected) if part)
    return comparison.text if comparison.text == numbers else f"{comparison.text}   ({numbers})"


def _measurements(results: tuple[SignalResult, ...]) -> Iterator[str]:
    for result in results:
        if isinstance(result, SignalFailure):
            detail = f" ({result.detail})" if result.detail else ""
            yield f"  {result.signal}: failed, {result.reason}{detail}"
        else:
            yield f"  {result.signal}: {_values(result)}"


def _values(result: Score | Match) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in result.values.items())


def _value(value: Value) -> str:
    return value if isinstance(value, str) and value else literal(value)


def _places(results: tuple[SignalResult, ...]) -> Iterator[str]:
    for result in results:
        if isinstance(result, Score):
            for span in result.spans:
                yield f'  {span.surface} {span.start} to {span.end}: {span.category}, "{span.term}"'


def _banks(results: tuple[SignalResult, ...]) -> Iterator[str]:
    for result in results:
        if isinstance(result, Match):
            for hit in result.hits:
                note = f", {hit.note}" if hit.note else ""
                yield (
                    f"  {hit.bank} ({hit.effect}): {hit.distance_bits} of 256 bits differ, frame {hit.frame},"
                    f" entry {hit.entry_id}{note}"
                )


def _pins(screening: Screening) -> Iterator[str]:
    pins = screening.pins
    yield f"  policy {pins.policy[:DIGEST_CHARS]}"
    if isinstance(screening.image, Refusal):
        detail = f" ({screening.image.detail})" if screening.image.detail else ""
        yield f"  image {pins.image[:DIGEST_CHARS]}, refused: {screening.image.reason}{detail}"
    else:
        facts = screening.image
        frames = "1 frame" if facts.frames == 1 else f"{facts.frames} frames"
        yield f"  image {pins.image[:DIGEST_CHARS]}, {facts.format} {facts.width} x {facts.height}, {frames}"
    if pins.bank_checkpoint:
        yield f"  bank checkpoint {pins.bank_checkpoint}"
    for name, digest in pins.models.items():
        yield f"  model {name} {digest[:DIGEST_CHARS]}"
    if pins.signals:
        yield f"  signals {', '.join(f'{name} {version}' for name, version in pins.signals.items())}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"{title}:"
        yield from found
