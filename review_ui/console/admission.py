"""The way to the next job: every route that gives somebody a job asks here as whom they are offered it."""

from datetime import datetime

from moderation.domain.people import Person
from moderation.domain.worker import Worker
from review_ui.console.desk import Desk
from review_ui.console.preferences import preferences_of


def next_worker(desk: Desk, person: Person, now: datetime) -> Worker:
    """The person who asks for the next job. Raises `OnBreakError`, which pages answer with the page of the break."""
    return desk.wellbeing.next_worker(person, avoid=preferences_of(person).avoid, now=now)


def worker_ahead(desk: Desk, person: Person, now: datetime) -> Worker:
    """The same for jobs that are fetched ahead or opened by address. Raises `OnBreakError`."""
    return desk.wellbeing.worker(person, avoid=preferences_of(person).avoid, now=now)
