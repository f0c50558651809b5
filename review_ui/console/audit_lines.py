"""Events of the audit log as lines of a page."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.audit import AuditEvent, Json

MAX_PAYLOAD_CHARS = 20_000
POST = "post:"
ACCOUNT = "account:"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One event. `post` is the id of the post that it is about, or ""; `payload` is "" where it is not to be told."""

    number: int
    at: datetime
    kind: str
    subject: str
    actor: str
    digest: str
    previous: str
    post: str
    facts: tuple[tuple[str, str], ...]
    payload: str


def audit_lines(events: Iterable[AuditEvent], *, payloads: bool) -> list[AuditLine]:
    """The lines, in the order of the events."""
    return [_line(event, payloads=payloads) for event in events]


def _line(event: AuditEvent, *, payloads: bool) -> AuditLine:
    whole = json.dumps(dict(event.payload), indent=2, ensure_ascii=False, sort_keys=True) if event.payload else ""
    return AuditLine(
        number=event.number,
        at=event.at,
        kind=event.kind,
        subject=event.subject,
        actor=event.actor,
        digest=event.digest,
        previous=event.previous,
        post=event.subject.removeprefix(POST) if event.subject.startswith(POST) else "",
        facts=tuple(_short(name, value) for name, value in list(event.payload.items())[:4] if _plain(value))
        if payloads
        else (),
        payload=whole[:MAX_PAYLOAD_CHARS] if payloads else "",
    )


def _plain(value: Json) -> bool:
    return isinstance(value, str | int | float | bool) and value != ""


def _short(name: str, value: Json) -> tuple[str, str]:
    text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return name, text if len(text) <= 40 else f"{text[:39]}…"  # noqa: PLR2004 - fits beside three others
