"""Why a post waits: each rule that fired, in words, and what could not be measured."""

from dataclasses import dataclass

from moderation.domain.media import ImageFacts, Refusal
from moderation.domain.verdict import Comparison, RuleHit, RuleStatus, Screening, Truth, Verdict
from review_ui.console.measurements import NAME, shown, telling
from review_ui.console.shell import words

OPERATORS = {">=": "at least", ">": "over", "<=": "at most", "<": "under", "=": "is", "<>": "is not"}


@dataclass(frozen=True, slots=True)
class Ground:
    """One comparison in words; `truth` as SQL has it."""

    text: str
    truth: Truth
    threshold: str


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
        return "never decoded"
    image = screening.image
    if isinstance(image, Refusal):
        return f"cannot be read: {words(image.reason)}{f' ({image.detail})' if image.detail else ''}"
    return _facts(image)


def _facts(image: ImageFacts) -> str:
    frames = f", {image.frames} frames" if image.frames > 1 else ""
    return f"{image.format.upper()}, {image.width} \N{MULTIPLICATION SIGN} {image.height}{frames}"


def _rule(hit: RuleHit, why: str) -> FiredRule:
    effect = f"holds for {words(hit.queue)}" if hit.verdict is Verdict.HOLD else f"{hit.verdict}s"
    live = hit.status is RuleStatus.LIVE
    return FiredRule(
        name=hit.rule,
        sentence=hit.reason,
        effect=effect if live else f"{hit.status}: would have {'held' if hit.verdict is Verdict.HOLD else 'rejected'}",
        live=live,
        unknown=hit.truth is Truth.UNKNOWN,
        why=why,
        grounds=tuple(_ground(one) for one in telling(hit)),
    )


def _ground(one: Comparison) -> Ground:
    operator = OPERATORS.get(one.operator, one.operator.lower())
    expected = one.expected.strip("'").lower() if one.operator in {"=", "<>"} else one.expected
    column = words(NAME.findall(one.column)[0]) if NAME.search(one.column) else one.column
    if one.truth is Truth.UNKNOWN:
        text = f"{column} is not known ({operator} {expected} was asked)"
    elif one.operator in {"=", "<>"} and one.expected in {"TRUE", "FALSE"}:
        text = f"{column}: {shown(one.actual)}"
    else:
        text = f"{column} is {shown(one.actual)}, {operator} {expected}".rstrip(", ")
    return Ground(text, one.truth, one.threshold)
