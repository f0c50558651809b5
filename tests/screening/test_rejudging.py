"""What a sweep makes of one post, without a database: which rule, which queue, and what it may do alone."""

from dataclasses import replace

import pytest

from moderation.domain.bank import Bank, BankEffect, BankEntry, Opinion, Tier
from moderation.domain.ids import EntryId
from moderation.domain.job import Route
from moderation.domain.post import Post, PostState
from moderation.domain.retroaction import Case, CauseKind, Result, Ruling, SweepTerms
from moderation.domain.signal import PictureHash, SignalResult
from moderation.domain.verdict import Judgement
from moderation.matching.hashes.orientations import Orientation
from moderation.matching.hits import Hit, Matched
from moderation.matching.image_match import IMAGE_MATCH
from moderation.matching.stored_hashes import codes_of, turned_codes
from moderation.screening.ports import Router
from moderation.screening.rejudging import Rejudging, Rematch
from moderation.screening.rematching import known_only, match_result
from tests.factories import a_claim, a_post, a_score, a_screening, after
from tests.fakes import Clock
from tests.screening.sweeping import POLICY, compiled
from tests.storage.review.picture_rows import a_pdq

BLOCK = Bank("BANNED", BankEffect.BLOCK)
PDQ = a_pdq(1)
HASHES = (PictureHash(0, PDQ, 90),)


def an_entry(pdq: str = PDQ, *, number: int = 5, quality: int = 90, at: float = 0) -> BankEntry:
    return BankEntry(EntryId(f"entry-{number}"), "BANNED", pdq, quality, after(at), number=number)


def a_hit(entry: BankEntry | None = None, **facts: object) -> Hit:
    hit = Hit(BLOCK, entry or an_entry(), 0, Tier.AUTOMATIC, BankEffect.BLOCK)
    return replace(hit, **facts)  # type: ignore[arg-type]  # named by the test


def a_case(state: PostState = PostState.PUBLISHED, *, nsfw: float = 0.5) -> Case:
    post = replace(a_post(), state=state)
    results = (a_score("image_nsfw", {"image_nsfw": nsfw}), match_result(Matched((), "1"), HASHES))
    return Case(post, a_screening(a_claim(post), results=results))


def ruled(
    case: Case,
    *hits: Hit,
    policy: str = POLICY,
    kind: CauseKind = CauseKind.BANK,
    withdraw: bool = True,
    router: Router | None = None,
    hashes: tuple[PictureHash, ...] = HASHES,
) -> Ruling:
    rejudging = Rejudging(
        kind, compiled(policy), SweepTerms(withdraw=withdraw), frozenset({5}), router, "sweep-1", Clock()
    )
    matched = Matched(hits, "9")
    rematches = {case.post.id: Rematch(matched, match_result(matched, hashes), IMAGE_MATCH.version)}
    (ruling,) = rejudging.rulings([case], rematches if kind is CauseKind.BANK else {})
    return ruling


@pytest.mark.parametrize(
    ("state", "alone", "asked"),
    [
        (PostState.RECEIVED, Result.LATER, Result.LATER),
        (PostState.SCREENING, Result.LATER, Result.LATER),
        (PostState.APPROVED, Result.REJECT, Result.HOLD),
        (PostState.HELD, Result.EVIDENCE, Result.EVIDENCE),
        (PostState.REJECTED, Result.GONE, Result.GONE),
        (PostState.PUBLISHED, Result.WITHDRAW, Result.REVIEW),
        (PostState.WITHDRAWN, Result.GONE, Result.GONE),
    ],
)
def test_each_state_has_its_result(state: PostState, alone: Result, asked: Result) -> None:
    assert ruled(a_case(state), a_hit()).result is alone
    assert ruled(a_case(state), a_hit(), withdraw=False).result is asked


TURNED = turned_codes(codes_of([PDQ]))[0, 1].tobytes().hex()


@pytest.mark.parametrize(
    "hit",
    [
        a_hit(tier=Tier.VERIFIED, inliers=90),
        a_hit(tier=Tier.REVIEW, effect=BankEffect.REVIEW),
        a_hit(tier=Tier.REVIEW),
        a_hit(an_entry(TURNED), orientation=Orientation.ROTATE270),
        a_hit(an_entry(a_pdq(1, flipped=32)), distance_bits=32),
        a_hit(an_entry(quality=49)),
        a_hit(bank=Bank("ODD", BankEffect.REVIEW), effect=BankEffect.REVIEW),
    ],
    ids=["verified", "review", "untrusted", "turned", "farther", "flat entry", "review bank"],
)
def test_nothing_less_than_sure_acts_alone(hit: Hit) -> None:
    assert ruled(a_case(), hit).result is Result.REVIEW


def test_only_a_blocking_bank_acts_alone_whatever_policy_rejects() -> None:
    strict = POLICY.replace("verdict: hold\n    queue: known-images", "verdict: reject")
    hit = a_hit(bank=Bank("ODD", BankEffect.REVIEW), effect=BankEffect.REVIEW)
    assert ruled(a_case(), hit, policy=strict).result is Result.REVIEW


def test_a_stored_hash_without_its_border_is_sure_too() -> None:
    hashes = (PictureHash(0, a_pdq(2), 90, trimmed=PDQ, trimmed_quality=80),)
    assert ruled(a_case(), a_hit(trimmed=True), hashes=hashes).result is Result.WITHDRAW
    flat = (replace(hashes[0], trimmed_quality=20),)
    assert ruled(a_case(), a_hit(trimmed=True), hashes=flat).result is Result.REVIEW


def test_only_the_entries_of_the_sweep_count() -> None:
    assert ruled(a_case(), a_hit(an_entry(number=6))).result is Result.UNCHANGED


def test_a_person_who_knew_the_entry_is_not_overruled() -> None:
    decided = replace(a_case(), decided_at=after(100))
    assert ruled(decided, a_hit(an_entry(at=50))).result is Result.DECIDED
    assert ruled(decided, a_hit(an_entry(at=150))).result is Result.WITHDRAW
    assert ruled(decided, a_hit(an_entry(at=50)), kind=CauseKind.POLICY).result is Result.DECIDED
    assert ruled(replace(a_case(), overturned=True), a_hit()).result is Result.DECIDED
    assert ruled(replace(a_case(), settling=True), a_hit()).result is Result.LATER


def test_without_evidence_nothing_is_decided() -> None:
    assert ruled(replace(a_case(), screening=None), a_hit()).result is Result.UNDECIDED


def test_a_policy_that_lets_matches_pass_touches_nothing() -> None:
    mild = POLICY.replace("status: live\n    when: image_match", "status: shadow\n    when: image_match")
    assert ruled(a_case(), a_hit(), policy=mild).result is Result.UNCHANGED


def test_a_rule_of_something_else_is_not_the_sweeps_matter() -> None:
    mild = POLICY.replace("status: live\n    when: image_match", "status: shadow\n    when: image_match")
    assert ruled(a_case(nsfw=0.95), a_hit(), policy=mild).result is Result.UNCHANGED


def test_a_policy_is_not_asked_again_about_what_it_said_before() -> None:
    case = a_case(PostState.HELD, nsfw=0.95)
    ruling = ruled(case, kind=CauseKind.POLICY)
    assert (ruling.result, ruling.rule) == (Result.EVIDENCE, "adult")
    assert ruling.screening is not None
    assert ruled(replace(case, screening=ruling.screening), kind=CauseKind.POLICY).result is Result.UNCHANGED


def test_what_was_not_measured_is_undecided_unless_a_rule_is_true_anyway() -> None:
    case = a_case(nsfw=0.1)
    assert case.screening is not None
    without = replace(case, screening=replace(case.screening, results=case.screening.results[1:]))
    assert ruled(without, kind=CauseKind.POLICY).result is Result.UNDECIDED
    assert ruled(without, a_hit()).result is Result.WITHDRAW


def test_a_person_is_asked_once_about_the_same_hits() -> None:
    first = ruled(a_case(), a_hit(), withdraw=False)
    assert first.result is Result.REVIEW
    again = replace(a_case(), screening=first.screening)
    assert ruled(again, a_hit(), withdraw=False).result is Result.UNCHANGED
    assert ruled(again, a_hit(), withdraw=True).result is Result.WITHDRAW


def test_the_queue_is_that_of_the_rules_category() -> None:
    ruling = ruled(a_case(nsfw=0.95), kind=CauseKind.POLICY, withdraw=False)
    assert ruling.route is not None
    assert ruling.route.queue == SweepTerms().queue
    held = POLICY.split("rules:\n")[1].split("  - name: looked_at")[1].split("  - name: adult")[0]
    held = held.replace("known_image", "adult").replace("known-images", "adult-only")
    restricted = f"{POLICY}  - name: looked_at_2{held}"
    ruling = ruled(a_case(nsfw=0.95), kind=CauseKind.POLICY, withdraw=False, policy=restricted)
    assert ruling.route is not None
    assert ruling.route.queue == "adult-only"


class Moving:
    """A router that moves everything, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def route(self, post: Post, results: object, judgement: Judgement) -> Route:
        assert post.id
        assert results
        if self._fails:
            raise RuntimeError("no plan")
        return Route(f"moved from {judgement.queue}", 80, 60.0)


def test_the_plan_routes_what_a_person_is_asked_about() -> None:
    ruling = ruled(a_case(), a_hit(), withdraw=False, router=Moving())
    assert ruling.route == Route("moved from known-images", 80, 60.0)
    assert ruling.basis
    failing = ruled(a_case(), a_hit(), withdraw=False, router=Moving(fails=True))
    assert failing.route is not None
    assert failing.route.queue == "known-images"


def test_the_evidence_says_what_is_known_now() -> None:
    screening = ruled(a_case(), a_hit()).screening
    assert screening is not None
    assert screening.pins.bank_checkpoint == "9"
    assert screening.pins.signals[IMAGE_MATCH.name] == IMAGE_MATCH.version
    assert screening.lane == "retroaction:sweep-1"
    results: tuple[SignalResult, ...] = screening.results
    assert [result.signal for result in results] == ["image_nsfw", IMAGE_MATCH.name]


def test_what_only_unknown_hashes_could_have_found_is_left_out() -> None:
    near, far = a_hit(tier=Tier.REVIEW, distance_bits=64), a_hit(tier=Tier.REVIEW, distance_bits=90)
    assert known_only(Matched((near, far), "1"), HASHES).hits == (near,)
    full = (replace(HASHES[0], phash="0" * 16, dhash="0" * 16),)
    assert known_only(Matched((near, far), "1"), full).hits == (near, far)


def test_an_opinion_is_part_of_the_evidence() -> None:
    entry = replace(an_entry(), opinion=Opinion.DISPUTED)
    screening = ruled(a_case(), a_hit(entry, tier=Tier.REVIEW, effect=BankEffect.REVIEW)).screening
    assert screening is not None
    assert screening.results[1].values["image_match_opinion"] == "disputed"  # type: ignore[union-attr]  # a match


@pytest.mark.parametrize("condition", ["COALESCE(image_nsfw, 1) >= 0.9", "image_nsfw IS NULL"])
def test_what_was_not_measured_withdraws_nothing_by_its_absence(condition: str) -> None:
    case = a_case()
    assert case.screening is not None
    without = replace(case, screening=replace(case.screening, results=case.screening.results[1:]))
    policy = POLICY.replace("image_nsfw >= 0.9", condition)
    assert ruled(without, kind=CauseKind.POLICY, policy=policy).result is Result.REVIEW
    both = POLICY.replace("image_match_effect = 'block'", f"image_match_effect = 'block' AND {condition}")
    assert ruled(without, a_hit(), policy=both).result is Result.REVIEW


def test_a_rule_that_computes_with_the_match_reads_it() -> None:
    policy = POLICY.replace("image_match_effect = 'block'", "COALESCE(image_match_distance, 256) <= 31")
    assert ruled(a_case(), a_hit(), policy=policy).result is Result.WITHDRAW
