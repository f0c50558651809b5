"""Jobs that nobody can take: no account has the queue, language and skill, or everybody who has left or decided them.

Two people must agree and there is one; a disagreement and no senior person; a language that nobody reads. Such a job
waits for ever unless somebody lets another person in, so it has to be seen.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from moderation.domain.job import JobKind
from moderation.domain.people import CAPABILITIES, Capability, Role
from moderation.storage.rows import AnyRow
from moderation.storage.tables import OFFERED_SQL, accounts, job_exclusions, jobs, queue_grants


@dataclass(frozen=True, slots=True)
class _Able:
    """Somebody who may decide in a queue."""

    account: str
    senior: bool
    languages: frozenset[str]
    skills: frozenset[str]

    def fits(self, language: str, skill: str, *, senior: bool) -> bool:
        """Whether such a job is offered to them."""
        spoken = not language or language in self.languages
        return spoken and (not skill or skill in self.skills) and (self.senior or not senior)


def stranded(connection: Connection, *, lead_only: Collection[str] = ()) -> dict[str, int]:
    """How many open jobs nobody can take, by queue; queues without any are absent. Three statements.

    Disagreements, and every job of the queues in `lead_only`, are for senior people. Gold items do not count.
    """
    people = _people(connection)
    left = _left(connection)
    found: Counter[str] = Counter()
    for row in _kinds_of_jobs(connection):
        senior = row.settles or row.queue in lead_only
        able = {one.account for one in people.get(row.queue, ()) if one.fits(row.language, row.skill, senior=senior)}
        if not able:
            found[row.queue] += row.jobs
            continue
        key = (row.queue, row.language, row.skill, bool(row.settles))
        found[row.queue] += sum(able <= gone for gone in left.get(key, ()))
    return {queue: count for queue, count in sorted(found.items()) if count}


def _kinds_of_jobs(connection: Connection) -> Sequence[AnyRow]:
    """How many open jobs want the same of whoever takes them."""
    settles = (jobs.c.kind == JobKind.DISAGREEMENT).label("settles")
    columns = (jobs.c.queue, jobs.c.language, jobs.c.skill)
    query = select(*columns, settles, func.count().label("jobs")).where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD)
    return connection.execute(query.group_by(*columns, settles)).all()


def _left(connection: Connection) -> Mapping[tuple[str, str, str, bool], list[set[str]]]:
    """For each open job that somebody left or may not decide, who that is; by what the job wants."""
    query = (
        select(jobs.c.id, jobs.c.queue, jobs.c.language, jobs.c.skill, jobs.c.kind, job_exclusions.c.account_id)
        .join_from(jobs, job_exclusions, job_exclusions.c.job_id == jobs.c.id)
        .where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD)
    )
    gone: dict[str, set[str]] = {}
    wants: dict[str, tuple[str, str, str, bool]] = {}
    for row in connection.execute(query):
        gone.setdefault(row.id, set()).add(row.account_id)
        wants[row.id] = (row.queue, row.language, row.skill, row.kind is JobKind.DISAGREEMENT)
    found: dict[tuple[str, str, str, bool], list[set[str]]] = {}
    for job_id, people in gone.items():
        found.setdefault(wants[job_id], []).append(people)
    return found


def _people(connection: Connection) -> dict[str, list[_Able]]:
    """Who decides in each queue, of the accounts in use."""
    deciding = [role for role, capabilities in CAPABILITIES.items() if Capability.DECIDE in capabilities]
    query = (
        select(queue_grants.c.queue, accounts.c.id, accounts.c.role, accounts.c.languages, accounts.c.skills)
        .join_from(queue_grants, accounts, accounts.c.id == queue_grants.c.account_id)
        .where(accounts.c.disabled_at.is_(None), accounts.c.role.in_(deciding))
    )
    found: dict[str, list[_Able]] = {}
    for row in connection.execute(query):
        able = _Able(row.id, row.role is Role.SENIOR, frozenset(row.languages.split()), frozenset(row.skills.split()))
        found.setdefault(row.queue, []).append(able)
    return found
