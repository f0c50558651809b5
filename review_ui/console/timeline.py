"""What happened to a post, in order: every source of its history merged into one list of sentences."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from moderation.domain.appeal import Appeal, AppealState
from moderation.domain.decision import Action, Decision, Fate, Source
from moderation.domain.ids import AccountId
from moderation.domain.job import Job
from moderation.domain.media import Refusal
from moderation.domain.verdict import Screening, Verdict
from moderation.review.plan import Plan
from moderation.storage.review.post_records import PostRecord, SentMessage, StoredVerdict
from moderation.storage.screenings import SWEEPS
from review_ui.console.grounds import failures_in_words
from review_ui.console.shell import span, words

ACTIONS = {
    Action.APPROVE: ("approved it", "good"),
    Action.REJECT: ("rejected it", "bad"),
    Action.ESCALATE: ("escalated it", "warn"),
    Action.UPHOLD: ("upheld the rejection", "bad"),
    Action.OVERTURN: ("overturned the rejection", "good"),
}
FATES = {
    Fate.SETTLED: "The decision took effect",
    Fate.UNDONE: "The decision was undone",
    Fate.SUPERSEDED: "Something else came first: the decision moved nothing",
}
VERDICT_TONES = {Verdict.APPROVE: "good", Verdict.HOLD: "warn", Verdict.REJECT: "bad"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry. `tone` is good, warn, bad or ""; `details` are further lines."""

    at: datetime
    title: str
    tone: str = ""
    by: str = ""
    details: tuple[str, ...] = ()
    order: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """Everything the timeline is made of. `names` says what to call people; `plain`: kinds of jobs may be told."""

    record: PostRecord
    screenings: tuple[Screening, ...]
    decisions: tuple[Decision, ...]
    appeals: tuple[Appeal, ...]
    plan: Plan
    names: Mapping[AccountId, str] = field(default_factory=dict)
    plain: bool = False


def timeline_of(history: History, *, blind: bool = False) -> list[Happening]:
    """Oldest first. `blind`: only what the first person to decide could have known."""
    parts = [_received(history.record), *_screenings(history.screenings), *_verdicts(history)]
    if not blind:
        parts += [*_jobs(history), *_decisions(history), *_appeals(history), *_outside(history.record)]
    return sorted(parts, key=lambda one: (one.at, one.order))


def _received(record: PostRecord) -> Happening:
    details = (f"{record.post.image_bytes:,} bytes of picture",)
    return Happening(record.post.received_at, "Received", by=f"from {record.client}", details=details)


def _screenings(screenings: Iterable[Screening]) -> Iterator[Happening]:
    for one in screenings:
        if one.lane.startswith(SWEEPS):
            details = (f"By what was measured before, policy {one.pins.policy[:12]}",)
            yield Happening(
                one.finished_at, "Judged again", "", f"by sweep {one.lane.removeprefix(SWEEPS)}", details, 1
            )
            continue
        took = (one.finished_at - one.started_at).total_seconds()
        failed = one.judgement.failures
        said = [f"Attempt {one.attempt}, {took:.2f} s, policy {one.pins.policy[:12]}"]
        if isinstance(one.image, Refusal):
            said.append(f"The picture could not be read: {words(one.image.reason)}")
        if failed:
            said.append(f"Not measured: {failures_in_words(one)}")
        yield Happening(one.finished_at, "Screened", "warn" if failed else "", f"by {one.lane}", tuple(said), 1)


def _verdicts(history: History) -> Iterator[Happening]:
    again = {one.id for one in history.screenings if one.lane.startswith(SWEEPS)}
    for one in history.record.verdicts:
        title = _verdict_title(one, history.plan, again=one.screening in again)
        yield Happening(one.at, title, VERDICT_TONES[one.verdict], "", (one.reason,), 2)


def _verdict_title(one: StoredVerdict, plan: Plan, *, again: bool) -> str:
    """What a sweep asks a person about may be in the feed meanwhile: that is not held."""
    if one.verdict is Verdict.HOLD:
        return f"{'To be looked at in' if again else 'Held for'} {plan.queue(one.queue).title}"
    rule = f" by the rule {words(one.rule)}" if one.rule else ""
    return ("Approved by policy" if one.verdict is Verdict.APPROVE else "Rejected by policy") + rule


def _jobs(history: History) -> Iterator[Happening]:
    for job in history.record.jobs:
        kind = job.kind if history.plain else job.shown_kind
        title = f"{words(kind).capitalize()} job in {history.plan.queue(job.queue).title}"
        yield Happening(job.opened_at, title, details=tuple(_job_details(job)), order=3)


def _job_details(job: Job) -> Iterator[str]:
    if job.posts > 1:
        yield f"Together with {job.posts - 1} posts of a near picture"
    if job.closed_at is None:
        yield f"Still open, due {span(job.due_at - job.opened_at)} after it was opened"
    else:
        yield f"Closed after {span(job.closed_at - job.opened_at)}"


def _decisions(history: History) -> Iterator[Happening]:
    for one in history.decisions:
        said, tone = ACTIONS[one.action]
        who = history.names.get(one.account, "Somebody")
        title = f"{who} {said}" if one.source is Source.PERSON else f"{who}'s decision on the same picture {said}"
        yield Happening(one.decided_at, title, tone, "", tuple(_decision_details(one, history)), 4)
        if one.fate is not None and one.fate_at is not None:
            fate_tone = tone if one.fate is Fate.SETTLED else ""
            yield Happening(one.fate_at, FATES[one.fate], fate_tone, order=5)


def _decision_details(one: Decision, history: History) -> Iterator[str]:
    if one.category:
        category = history.plan.category(one.category)
        titles = {reason.code: reason.title for reason in category.reasons}
        reasons = ", ".join(titles.get(code, code) for code in one.reasons)
        yield f"{category.title}{f': {reasons}' if reasons else ''}"
    if one.note:
        yield f"\N{LEFT DOUBLE QUOTATION MARK}{one.note}\N{RIGHT DOUBLE QUOTATION MARK}"
    if history.plain and not one.binding:
        yield f"Moves nothing by itself: {words(one.kind)}"
    yield f"{words(history.plan.queue(one.queue).title)}, after {span(one.seconds)}"


def _appeals(history: History) -> Iterator[Happening]:
    for one in history.appeals:
        yield Happening(one.opened_at, "The author appealed", "warn", one.client, (one.text,), 3)
        if one.resolved_at is not None:
            overturned = one.state is AppealState.OVERTURNED
            title = "The appeal was right: overturned" if overturned else "The rejection was upheld"
            yield Happening(one.resolved_at, title, "good" if overturned else "bad", order=6)


def _outside(record: PostRecord) -> Iterator[Happening]:
    if record.published_at is not None:
        yield Happening(record.published_at, "Published", "good", order=7)
    for message in record.messages:
        late = [way for way in message.deliveries if way.status != "delivered"]
        title = f"Client told: {words(message.type.replace('.', ' '))}"
        yield Happening(message.created_at, title, "warn" if late else "", details=tuple(_ways(message)), order=8)


def _ways(message: SentMessage) -> Iterator[str]:
    for way in message.deliveries:
        tries = "1 try" if way.attempts == 1 else f"{way.attempts} tries"
        problem = f": {way.last_error}" if way.last_error and way.status != "delivered" else ""
        yield f"{way.endpoint}: {way.status} after {tries}{problem}"
