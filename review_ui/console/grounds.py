"""Why a post waits: each rule that fired, in words, and what could not be measured."""

from dataclasses import dataclass

from moderation.domain.media import ImageFacts, Refusal
from moderation.domain.verdict import Comparison, RuleHit, RuleStatus, Screening, Truth, Verdict
from review_ui.console.column_words import LIMITS, column_title, column_value, limit_words, signal_title
from review_ui.console.measurements import NAME, telling


@dataclass(frozen=True, slots=True)
class Ground:
    """One comparison in words; `truth` as SQL has it, `limit` what the rule asks for ("" where `text` says it)."""

    text: str
    truth: Truth
    threshold: str
    limit: str


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule whose condition was true or could not be decided."""

    name: str
    sentence: str
    effect: str
    live: bool
    unknown: bool
    why: str
    grounds: tuple[Ground, ...]


def rules_of(screening: Screening | None, reasons: dict[str, str]) -> list[FiredRule]:
    """The rules, live ones first; `reasons` says by rule's name why the policy has it."""
    if screening is None:
        return []
    hits = sorted(screening.judgement.hits, key=lambda hit: hit.status is not RuleStatus.LIVE)
    return [_rule(hit, reasons.get(hit.rule, "")) for hit in hits]


def picture_in_words(screening: Screening | None) -> str:
    """What the picture is as a file: "PNG, 1024 by 768", or why it could not be read."""
    if screening is None:
        return "nobody has read it yet"
    image = screening.image
    if isinstance(image, Refusal):
        return column_value("image_status", image.reason.value)
    return _facts(image)


def _facts(image: ImageFacts) -> str:
    frames = f", {image.frames} frames" if image.frames > 1 else ""
    return f"{image.format.upper()}, {image.width} \N{MULTIPLICATION SIGN} {image.height}{frames}"


def failures_in_words(screening: Screening | None) -> str:
    """The signals that gave no measurement, by their headings: "Known pictures, The file"; "" when all did."""
    if screening is None:
        return ""
    return ", ".join(signal_title(one.partition(":")[0]) for one in screening.judgement.failures)


def _rule(hit: RuleHit, why: str) -> FiredRule:
    live = hit.status is RuleStatus.LIVE
    did = "held" if hit.verdict is Verdict.HOLD else "rejected"
    return FiredRule(
        name=hit.rule,
        sentence=hit.reason,
        effect="" if live else f"Only tried out ({hit.status}): it would have {did} the post",
        live=live,
        unknown=hit.truth is Truth.UNKNOWN,
        why=why,
        grounds=tuple(_ground(one) for one in telling(hit)),
    )


def _ground(one: Comparison) -> Ground:
    name = NAME.findall(one.column)[0] if NAME.search(one.column) else one.column
    title = column_title(name)
    value = "not measured" if one.truth is Truth.UNKNOWN else column_value(name, one.actual)
    return Ground(f"{title}: {value}", one.truth, one.threshold, _limit(name, one))


def _limit(name: str, one: Comparison) -> str:
    """What the rule asks for; "" where the value alone says it."""
    expected = one.expected.strip("'").lower()
    if one.operator not in LIMITS or one.expected in {"TRUE", "FALSE"}:
        return ""
    if one.operator == "=" and one.truth is Truth.TRUE:
        return ""
    return limit_words(name, one.operator, expected)
