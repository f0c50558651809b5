"""What colleagues wrote for whoever gets a job next: with a hand-over, or when they put it on hold."""

from dataclasses import dataclass
from datetime import datetime

from moderation.domain.ids import JobId
from moderation.storage.review.audit_search import AuditQuery
from review_ui.console.desk import Desk

WRITTEN = {"job.handed_over": "handed it over", "job.held": "put it on hold"}
"""Kinds of event that carry a note, and what the person did."""
READ = 50
SHOWN = 3
ACCOUNT = "account:"


@dataclass(frozen=True, slots=True)
class JobNote:
    """One note; `who` is the account's name, `did` what they did with the job."""

    who: str
    did: str
    text: str
    at: datetime


def notes_of(desk: Desk, job_id: JobId) -> list[JobNote]:
    """The newest notes of a job, newest first. One statement."""
    events = desk.audit_search.page(AuditQuery(subject=f"job:{job_id}"), cursor=None, limit=READ).events
    found = [
        JobNote(event.actor.removeprefix(ACCOUNT), WRITTEN[event.kind], str(event.payload["note"]), event.at)
        for event in events
        if event.kind in WRITTEN and event.payload.get("note")
    ]
    return found[:SHOWN]
