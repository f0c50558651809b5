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
    return desk.wellbeing.next_worker(person, avoid=_avoid(desk, person), now=now)


def opening_worker(desk: Desk, person: Person, job_id: JobId, now: datetime) -> Worker:
    """The person who opens a job by its address: as `next_worker`, but a job that they have already may be finished."""
    avoid = _avoid(desk, person)
    if any(job.id == job_id for job in desk.queue.mine(person.id, now).leased):
        return desk.wellbeing.worker(person, avoid=avoid, now=now)
    return desk.wellbeing.next_worker(person, avoid=avoid, now=now)


def worker_ahead(desk: Desk, person: Person, now: datetime) -> Worker:
    """The person for whom jobs are fetched ahead. Raises `OnBreakError` during a break and when one is due."""
    return desk.wellbeing.worker_ahead(person, avoid=_avoid(desk, person), now=now)


def _avoid(desk: Desk, person: Person) -> frozenset[str]:
    """What the person chose not to see, and the gravest harm unless they were let into a restricted queue.

    A policy or a plan can leave such a job in an ordinary queue.
    """
    plan, chosen = desk.plan(), preferences_of(person).avoid
    if not plan.restricted_queues.isdisjoint(person.queues):
        return chosen
    return chosen | {category.name for category in plan.categories.values() if category.gravest}
