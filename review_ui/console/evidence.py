"""Everything beside a job that helps to decide it, gathered once for the job screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from moderation.assembly import signal_specs
from moderation.domain.appeal import Appeal
from moderation.domain.decision import Decision
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.job import HIDDEN_KINDS, Job, JobKind
from moderation.domain.media import Refusal
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.domain.verdict import Screening
from moderation.policy.evaluate import Policy
from moderation.review.plan import Plan
from moderation.storage.review.author_records import AuthorRecord
from review_ui.console.desk import Desk
from review_ui.console.grounds import FiredRule, failures_in_words, picture_in_words, rules_of
from review_ui.console.measurements import SignalView, bounds_of, signals_of
from review_ui.console.neighbours import Neighbours, known, neighbours_of
from review_ui.console.sight import may_see_post, restricted
from review_ui.console.texts import ShownText, texts_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """A post with what was measured, what looks like it, and what its author did before.

    `restricted`: nothing of the picture is shown unasked. `decisions` are those on the post itself, oldest first, none
    for a blind look. `frames` counts those that can be shown, 0 for a picture that cannot be read.
    """

    post: Post
    screening: Screening | None
    restricted: bool
    picture: str
    frames: int
    texts: tuple[ShownText, ...]
    rules: tuple[FiredRule, ...]
    missing: str
    signals: tuple[SignalView, ...]
    neighbours: Neighbours
    author: AuthorRecord
    decisions: tuple[Decision, ...]
    appeal: Appeal | None


def evidence_of(desk: Desk, person: Person, plan: Plan, job: Job, post_id: PostId) -> Evidence:
    """What the job screen shows of one post. Raises `NotFoundError` for one that the person may not see."""
    post = desk.site.posts.get(post_id)
    standing = desk.standings.of([post_id]).get(post_id)
    if post is None or standing is None or not may_see_post(person, standing, plan):
        raise NotFoundError("There is no such post.")
    screening = desk.site.screenings.latest(post_id)
    before = _blind_before(job, screening)
    members = desk.queue.members(job.id)
    author = desk.authors.of(desk.site.posts.client_of(post_id) or "", post.author.id, without=post_id, reader=person)
    policy = None if screening is None else desk.pinned.get(screening.pins.policy)
    return Evidence(
        post=post,
        screening=screening,
        restricted=restricted(standing, plan),
        picture=picture_in_words(screening),
        frames=_frames(screening),
        texts=tuple(texts_of(post, screening)),
        rules=tuple(rules_of(screening, _reasons(policy))),
        missing=failures_in_words(screening),
        signals=()
        if screening is None
        else tuple(signals_of(screening, signal_specs(desk.site.settings), bounds_of(policy), author.values)),
        neighbours=neighbours_of(desk, person, plan, post, screening, before=before, without=members),
        author=author,
        decisions=known(desk.decisions.of_posts([post_id]), post_id, before),
        appeal=_appeal(desk, job),
    )


def _blind_before(job: Job, screening: Screening | None) -> datetime | None:
    """Until when a blind look may know of decisions: only what the first one could have known."""
    if job.kind not in HIDDEN_KINDS:
        return None
    return job.opened_at if screening is None else min(job.opened_at, screening.finished_at)


def _frames(screening: Screening | None) -> int:
    if screening is None:
        return 1
    return 0 if isinstance(screening.image, Refusal) else screening.image.frames


def _reasons(policy: Policy | None) -> dict[str, str]:
    rules: Mapping[str, str] = {} if policy is None else {rule.name: rule.why for rule in policy.rules}
    return dict(rules)


def _appeal(desk: Desk, job: Job) -> Appeal | None:
    if job.kind is not JobKind.APPEAL:
        return None
    return next((one for one in desk.appeals.of_post(job.post_id) if one.job_id == job.id), None)
