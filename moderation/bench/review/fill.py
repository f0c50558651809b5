"""A database with as many posts and open jobs as a large service has, and people who work in it."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from datasets.samples import sample_posts
from moderation.assembly import blob_store
from moderation.bench.review import job_rows, rows
from moderation.bench.review.cases import Template, templates
from moderation.bench.review.layout import Course, Layout, layout, row_id
from moderation.domain.bank import Bank, BankEffect, EntryDraft
from moderation.domain.exchange import Exchange, ExchangeKind
from moderation.domain.ids import Digest, JobId, PostId
from moderation.domain.people import Person, Role
from moderation.domain.retroaction import Cause, CauseKind, SweepTerms
from moderation.domain.verdict import Verdict
from moderation.review.plan import Plan
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.banks import BankStore
from moderation.storage.bulk import BulkLoad, bulk_load
from moderation.storage.engine import Database
from moderation.storage.exchanges import ExchangeStore
from moderation.storage.retroaction import SweepStore

ACTOR = "system:bench"
MODERATORS = 20
PICTURES = 24
PDQ = "f0" * 32
BANK = "BENCH"
EXCHANGE = "bench"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Team:
    """Who works here. Moderators and the senior may open every queue."""

    moderators: tuple[Person, ...]
    senior: Person
    policy: Person
    admin: Person
    auditor: Person

    @property
    def resting(self) -> Person:
        """A moderator whom the plan has sent to have a break."""
        return self.moderators[-1]

    def by_name(self) -> dict[str, Person]:
        """One person of every kind."""
        return {
            "moderator": self.moderators[0],
            "resting": self.resting,
            "senior": self.senior,
            "policy": self.policy,
            "admin": self.admin,
            "auditor": self.auditor,
        }


@dataclass(frozen=True, slots=True)
class Filled:
    """What the database holds: people, queues, and one of everything that a page is about."""

    team: Team
    posts: int
    open_jobs: int
    queues: tuple[str, ...]
    job: JobId
    cluster: JobId
    held_post: PostId
    decided_post: PostId
    restricted_post: PostId
    author: str
    image: str
    bank: str
    entry: str
    exchange: str
    sweep: str
    seconds: float


def fill(
    settings: Settings, database: Database, plan: Plan, *, posts: int, jobs: int, now: datetime, tell: Tell
) -> Filled:
    """Fill a migrated, empty database; one transaction besides the people, a bank with its exchange, and a sweep."""
    begin = time.perf_counter()
    team = hire(database, plan, now)
    entry = _bank_entry(database, now)
    held, ordinary = templates(settings, entry)
    images = _pictures(settings)
    with bulk_load(database) as load:
        made = layout(posts, jobs, first_event=load.next_number(), now=now - timedelta(minutes=30))
        reasons = {one.name: one.reasons[0].code for one in plan.categories.values() if one.reasons}
        story = rows.Story(made, held, ordinary, images, team.moderators, reasons)
        _write(load, story, plan, now, tell)
        tell("building indexes and statistics")
    sweep = _sweep(settings, database, now)
    seconds = time.perf_counter() - begin
    tell(f"filled in {seconds:.0f} s")
    return _filled(team, story, (entry, sweep), seconds)


def hire(database: Database, plan: Plan, now: datetime) -> Team:
    """Accounts that nobody can sign in to with a password; everybody may open every queue of the plan."""
    people, queues = PeopleStore(database), frozenset(plan.queues)

    def one(name: str, role: Role) -> Person:
        new = NewAccount(name, role, display_name=name.title(), queues=queues, languages=frozenset({"de"}))
        return people.create(new, actor=ACTOR, now=now)

    moderators = tuple(one(f"moderator-{number:02d}", Role.MODERATOR) for number in range(MODERATORS))
    others = (one(role.value, role) for role in (Role.SENIOR, Role.POLICY, Role.ADMIN, Role.AUDITOR))
    return Team(moderators, *others)


def _bank_entry(database: Database, now: datetime) -> str:
    store = BankStore(database)
    store.create(Bank(BANK, BankEffect.REVIEW, description="Stands for a bank."), actor=ACTOR, now=now)
    draft = EntryDraft(PDQ, 100, source="bench", note="bench", category="bench")
    entry = store.add(BANK, draft, actor=ACTOR, now=now)
    exchanges = ExchangeStore(database)
    exchanges.add(Exchange(EXCHANGE, ExchangeKind.FILES, BANK, "/nowhere"), actor=ACTOR, now=now)
    exchanges.set_enabled(EXCHANGE, False, actor=ACTOR, now=now)
    return str(entry.id)


def _sweep(settings: Settings, database: Database, now: datetime) -> str:
    """An open sweep over every day, which nobody runs."""
    policy = Digest(hashlib.sha256(settings.policy.read_bytes()).hexdigest())
    cause = Cause(CauseKind.BANK, policy, bank=BANK, until=int(BankStore(database).checkpoint()))
    return SweepStore(database).create(cause, SweepTerms(), by=ACTOR, now=now).id


def _pictures(settings: Settings) -> list[tuple[str, int]]:
    """Digests and sizes of some drawn pictures, stored."""
    blobs = blob_store(settings)
    drawn = [post.image for post in sample_posts() if post.expected is Verdict.APPROVE][:PICTURES]
    return [(blobs.write(image), len(image)) for image in drawn]


def _write(load: BulkLoad, story: rows.Story, plan: Plan, now: datetime, tell: Tell) -> None:
    with _told("posts", tell) as count:
        count(load.rows("posts", rows.POST_COLUMNS, rows.posts(story)))
    with _told("audit events", tell) as count:
        count(load.events(rows.events(story)))
    tables: Sequence[tuple[str, Sequence[str], Iterator[rows.Row]]] = (
        ("screenings", rows.SCREENING_COLUMNS, rows.screenings(story)),
        ("signal_results", rows.RESULT_COLUMNS, rows.results(story)),
        ("verdicts", rows.VERDICT_COLUMNS, rows.verdicts(story)),
        ("picture_hashes", rows.HASH_COLUMNS, rows.hashes(story)),
        ("jobs", job_rows.JOB_COLUMNS, job_rows.jobs(story, plan)),
        ("job_posts", job_rows.MEMBER_COLUMNS, job_rows.members(story)),
        ("cluster_bands", job_rows.BAND_COLUMNS, job_rows.band_rows(story)),
        ("decisions", job_rows.DECISION_COLUMNS, job_rows.decisions(story)),
        ("decision_fates", job_rows.FATE_COLUMNS, job_rows.fates(story)),
        ("counters", job_rows.COUNTER_COLUMNS, job_rows.counters(story, plan, now)),
        ("shifts", job_rows.SHIFT_COLUMNS, job_rows.shifts(story, now)),
        ("exposures", job_rows.EXPOSURE_COLUMNS, job_rows.exposures(story, now)),
        ("breaks", job_rows.BREAK_COLUMNS, job_rows.breaks(story, now)),
        ("gold_items", job_rows.GOLD_COLUMNS, job_rows.gold(story)),
    )
    for table, columns, found in tables:
        with _told(table.replace("_", " "), tell) as count:
            count(load.rows(table, columns, found))


@contextmanager
def _told(what: str, tell: Tell) -> Iterator[Callable[[int], None]]:
    begin = time.perf_counter()
    yield lambda count: tell(f"{count:,} {what} in {time.perf_counter() - begin:.1f} s")


def _filled(team: Team, story: rows.Story, matching: tuple[str, str], seconds: float) -> Filled:
    """`matching` are the ids of the bank's entry and the sweep."""
    made = story.layout
    first, single = _opening_posts(made, story.held)
    decided = int((made.course == Course.REJECTED).nonzero()[0][-1])
    at = made.at
    return Filled(
        team=team,
        posts=made.posts,
        open_jobs=made.open_jobs,
        queues=tuple(sorted({template.queue for template in story.held})),
        job=JobId(row_id(rows.JOB, single.job, at(single.post, rows.VERDICT_S))),
        cluster=JobId(row_id(rows.JOB, first.job, at(first.post, rows.VERDICT_S))),
        held_post=PostId(story.post_id(single.post)),
        decided_post=PostId(story.post_id(decided)),
        restricted_post=PostId(story.post_id(_restricted_post(made, story.held))),
        author=f"author-{single.post % rows.AUTHORS}",
        image=story.image(single.post)[0],
        bank=BANK,
        entry=matching[0],
        exchange=EXCHANGE,
        sweep=matching[1],
        seconds=seconds,
    )


def _opening_posts(made: Layout, held: Sequence[Template]) -> tuple[rows.Held, rows.Held]:
    """The first post of the last cluster, and of a job of one post, outside the restricted queue."""
    firsts = [one for one in rows.held_posts(made) if not one.member and one.job < made.open_jobs]
    plain = [one for one in firsts if held[one.job % len(held)].category not in {"minors", ""}]
    clusters = [one for one in plain if one.job % 50 == 0]
    return clusters[-1], next(one for one in reversed(plain) if one.job % 50)


def _restricted_post(made: Layout, held: Sequence[Template]) -> int:
    """The last post that waits for the people of the restricted queue."""
    return next(
        one.post for one in reversed(list(rows.held_posts(made))) if held[one.job % len(held)].category == "minors"
    )
