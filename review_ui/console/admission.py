"""The way to a job: every route that gives somebody one asks here as whom they are offered it."""

from datetime import datetime

from moderation.domain.ids import JobId
from moderation.domain.people import Person
from moderation.domain.worker import Worker
from review_ui.console.desk import Desk
from review_ui.console.preferences import preferences_of


def next_worker(desk: Desk, person: Person, now: datetime) -> Worker:
    """The person who asks for the next job; begins the break that is due. Raises `OnBreakError`, which leads pages to
    the break's page.
    """
    return desk.wellbeing.next_worker(person, avoid=preferences_of(person).avoid, now=now)


def opening_worker(desk: Desk, person: Person, job_id: JobId, now: datetime) -> Worker:
    """The person who opens a job by its address: as `next_worker`, but a job that they have already may be finished."""
    avoid = preferences_of(person).avoid
    if any(job.id == job_id for job in desk.queue.mine(person.id, now).leased):
        return desk.wellbeing.worker(person, avoid=avoid, now=now)
    return desk.wellbeing.next_worker(person, avoid=avoid, now=now)


def worker_ahead(desk: Desk, person: Person, now: datetime) -> Worker:
    """The person for whom jobs are fetched ahead. Raises `OnBreakError` during a break and when one is due."""
    return desk.wellbeing.worker_ahead(person, avoid=preferences_of(person).avoid, now=now)
