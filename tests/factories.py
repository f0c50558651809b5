"""Valid domain values with defaults; a test names only what it is about."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from moderation.domain.ids import Digest, PostId, ScreeningId, new_id
from moderation.domain.media import ImageFacts, Refusal
from moderation.domain.post import Author, Claim, Post, PostState
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, Value
from moderation.domain.verdict import Comparison, Judgement, Pins, RuleHit, RuleStatus, Screening, Truth, Verdict
from moderation.storage.lanes import LaneBeat, LaneState
from moderation.storage.posts import NewPost, PostStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
IMAGE_BYTES = b"a picture"
IMAGE = Digest(hashlib.sha256(IMAGE_BYTES).hexdigest())
POLICY = Digest(hashlib.sha256(b"a policy").hexdigest())


def after(seconds: float) -> datetime:
    """`NOW` and so many seconds."""
    return NOW + timedelta(seconds=seconds)


def a_digest(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def an_author(
    author_id: str = "author-1", *, account_age_days: float | None = 400.5, published_posts: int | None = 12
) -> Author:
    return Author(author_id, account_age_days, published_posts)


def a_new_post(
    *,
    image: Digest = IMAGE,
    image_bytes: int = len(IMAGE_BYTES),
    caption: str = "A quiet lake at dawn",
    prompt: str = "lake, dawn, mist, oil painting",
    author: Author | None = None,
) -> NewPost:
    return NewPost(image, image_bytes, caption, prompt, author or an_author())


def a_post(
    *,
    post_id: str | None = None,
    image: Digest = IMAGE,
    image_bytes: int = len(IMAGE_BYTES),
    caption: str = "A quiet lake at dawn",
    prompt: str = "lake, dawn, mist, oil painting",
    author: Author | None = None,
    state: PostState = PostState.RECEIVED,
    received_at: datetime = NOW,
    deadline_seconds: float = 120.0,
) -> Post:
    return Post(
        id=PostId(post_id or new_id(received_at)),
        image=image,
        image_bytes=image_bytes,
        caption=caption,
        prompt=prompt,
        author=author or an_author(),
        state=state,
        received_at=received_at,
        deadline_at=received_at + timedelta(seconds=deadline_seconds),
    )


def a_claim(
    post: Post | None = None,
    *,
    token: str = "token-1",
    lane: str = "lane-1",
    attempt: int = 1,
    expires_at: datetime | None = None,
) -> Claim:
    post = replace(post or a_post(), state=PostState.SCREENING)
    return Claim(post, token, lane, attempt, expires_at or after(20))


def facts(
    image_format: str = "jpeg", width: int = 640, height: int = 480, frames: int = 1, mode: str = "RGB"
) -> ImageFacts:
    return ImageFacts(image_format, width, height, frames, mode)


def a_score(signal: str = "image_nsfw", values: Mapping[str, Value] | None = None) -> Score:
    return Score(signal, values if values is not None else {signal: 0.0125})


def a_failure(signal: str = "image_nsfw", reason: FailureReason = FailureReason.ERROR) -> SignalFailure:
    return SignalFailure(signal, reason, "it broke")


def a_comparison(text: str = "image_nsfw >= 0.8", *, actual: Value = 0.91) -> Comparison:
    return Comparison(text, "image_nsfw", actual, ">=", "0.8", "nsfw_high", Truth.TRUE)


def a_hit(
    rule: str = "adult-image",
    verdict: Verdict = Verdict.HOLD,
    *,
    status: RuleStatus = RuleStatus.LIVE,
    queue: str = "adult",
    truth: Truth = Truth.TRUE,
) -> RuleHit:
    return RuleHit(rule, status, truth, verdict, queue, "adult", "It looks adult.", (a_comparison(),))


def an_approval() -> Judgement:
    return Judgement(Verdict.APPROVE, complete=True, queue="", category="", reason="No rule applies.", hits=())


def a_hold(queue: str = "adult", *, complete: bool = True) -> Judgement:
    hits = (a_hit(queue=queue),)
    return Judgement(Verdict.HOLD, complete, queue, "adult", "It looks adult.", hits)


def a_rejection() -> Judgement:
    hits = (a_hit("banned-picture", Verdict.REJECT, queue=""),)
    return Judgement(Verdict.REJECT, complete=True, queue="", category="adult", reason="It is banned.", hits=hits)


def judgement_of(verdict: Verdict) -> Judgement:
    return {Verdict.APPROVE: an_approval, Verdict.HOLD: a_hold, Verdict.REJECT: a_rejection}[verdict]()


def a_screening(
    claim: Claim | None = None,
    judgement: Judgement | None = None,
    *,
    results: Sequence[SignalResult] | None = None,
    image: ImageFacts | Refusal | None = None,
    started_at: datetime = NOW,
    finished_at: datetime | None = None,
) -> Screening:
    claim = claim or a_claim()
    return Screening(
        id=ScreeningId(new_id(started_at)),
        post_id=claim.post.id,
        lane=claim.lane,
        attempt=claim.attempt,
        started_at=started_at,
        finished_at=finished_at or started_at + timedelta(milliseconds=250),
        image=image or facts(),
        results=tuple(results) if results is not None else (a_score(), a_score("image_facts", {"image_width": 640})),
        judgement=judgement or an_approval(),
        pins=Pins(POLICY, claim.post.image, "7", {"image_nsfw": "1"}, {"opennsfw": "ab" * 32}, "0.1.0"),
        seconds={"decode": 0.012, "signals": 0.1, "policy": 0.002},
    )


def accept(  # every test of storage begins with an accepted post
    store: PostStore,
    new: NewPost | None = None,
    *,
    client: str = "client-1",
    key: str | None = None,
    body: str = "body",
    now: datetime = NOW,
    deadline_seconds: float = 120.0,
) -> Post:
    return store.accept(
        new or a_new_post(),
        client=client,
        idempotency_key=key,
        body=a_digest(body),
        deadline_seconds=deadline_seconds,
        now=now,
    ).post


def claim_all(store: PostStore, *, lane: str = "lane-1", limit: int = 100, now: datetime = NOW) -> list[Claim]:
    return store.claim(lane, limit=limit, lease_seconds=20, now=now)


def judge_all(store: PostStore, verdict: Verdict = Verdict.APPROVE, *, now: datetime = NOW) -> list[PostId]:
    """Claim everything and commit the same verdict for all of it."""
    claims = claim_all(store, now=now)
    screened = [(claim, a_screening(claim, judgement_of(verdict))) for claim in claims]
    return list(store.commit(screened, now=now).stored)


def a_beat(name: str = "lane-1", *, beat_at: datetime = NOW, state: LaneState = "working", posts: int = 0) -> LaneBeat:
    return LaneBeat(name, "run-1", "host-1", 4242, NOW, beat_at, state, posts)
