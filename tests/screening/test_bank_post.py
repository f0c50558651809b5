from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from moderation.domain.bank import Bank, BankEffect, EntryAmendment, Opinion
from moderation.domain.decision import Action
from moderation.domain.errors import InvalidInputError, ModerationError, NotFoundError, UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.domain.media import Refusal, RefusalReason
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.media.subject import Picture
from moderation.screening.bank_post import BankedPost, Pixels, bank_post
from moderation.storage.audit import AuditStore
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from tests.factories import NOW, after
from tests.matching.entries.test_entry_drafts import drawn, flat, picture_of
from tests.storage.review.office import Office
from tests.storage.review.picture_rows import a_pdq, store_hashes

DRAFT = drafts_of(picture_of(drawn(1)))[0]
MISSING = NotFoundError("no such blob")
AWAY = UnavailableError("the blob store is away")


@dataclass
class Drawing:
    """Every post's picture is `picture`, or cannot be had."""

    picture: Picture | Refusal = field(default_factory=lambda: picture_of(drawn(1)))
    error: Exception | None = None

    def read(self, digest: Digest) -> bytes:
        if self.error is not None:
            raise self.error
        return digest.encode()

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        return [self.picture for _ in images]


@pytest.fixture
def office(database: Database) -> Office:
    BankStore(database).create(Bank("BANNED", BankEffect.BLOCK), actor="tester", now=NOW)
    return Office(database)


def banked(office: Office, post: PostId, drawing: Drawing | None = None, **words: str) -> BankedPost:
    pixels = Pixels(drawing or Drawing(), drawing or Drawing())
    return bank_post(office.database, pixels, "BANNED", post, actor="ada", now=after(60), **words)


def rejected(office: Office, pdq: str | None) -> PostId:
    post = office.held(pdq=pdq)
    office.decide(office.person("ada"), office.job(post).id, Action.REJECT, category="minors")
    return post


def test_a_rejected_post_is_banked_with_its_stored_hash_and_what_its_picture_adds(office: Office) -> None:
    post = rejected(office, DRAFT.pdq)
    [decision] = office.decisions.of_post(post)
    [entry] = banked(office, post).entries
    assert (entry.pdq, entry.quality) == (DRAFT.pdq, 90), "quality as it was stored"
    assert (entry.phash, entry.dhash) == (DRAFT.phash, DRAFT.dhash)
    assert (entry.category, entry.note, entry.source) == ("minors", "what I saw", "decision")
    assert entry.provenance == {"post": post, "decision": decision.id}
    store = BankStore(office.database)
    assert store.entries("BANNED") == [entry]
    assert store.keypoints([entry.id]) == {entry.id: DRAFT.keypoints}


def test_words_that_are_given_count(office: Office) -> None:
    post = rejected(office, DRAFT.pdq)
    [entry] = banked(office, post, category="hate", note="ticket 17").entries
    assert (entry.category, entry.note) == ("hate", "ticket 17")


def test_banking_again_does_not_undo_what_was_said_of_the_entry_since(office: Office) -> None:
    post, store = rejected(office, DRAFT.pdq), BankStore(office.database)
    [entry] = banked(office, post).entries
    assert entry.opinion is Opinion.POSITIVE
    store.amend(entry.id, EntryAmendment(opinion=Opinion.NEGATIVE), actor="pia", now=after(61))
    [again] = banked(office, post).entries
    assert (again.id, again.opinion) == (entry.id, Opinion.NEGATIVE)


@pytest.mark.parametrize("error", [NotFoundError("no image 0123abcd"), UnavailableError("s3://inner/0123abcd is away")])
def test_what_is_missing_tells_neither_digests_nor_addresses(office: Office, error: ModerationError) -> None:
    told = banked(office, rejected(office, DRAFT.pdq), Drawing(error=error)).missing
    assert told.startswith("without keypoints")
    assert "0123abcd" not in told


def test_an_undone_decision_says_nothing(office: Office) -> None:
    post = office.held(pdq=DRAFT.pdq)
    ada = office.person("ada")
    decided = office.decide(ada, office.job(post).id, Action.REJECT, category="minors")
    office.decisions.undo(decided.batch, person=ada, now=after(1))
    [entry] = banked(office, post).entries
    assert (entry.category, entry.source, entry.provenance) == ("", "post", {"post": post})


@pytest.mark.parametrize(
    "drawing",
    [
        Drawing(error=MISSING),
        Drawing(error=AWAY),
        Drawing(Refusal(RefusalReason.CORRUPT)),
    ],
)
def test_without_its_picture_a_post_is_banked_by_its_stored_hash(office: Office, drawing: Drawing) -> None:
    post = rejected(office, DRAFT.pdq)
    without = banked(office, post, drawing)
    assert "without keypoints" in without.missing
    [entry] = without.entries
    assert (entry.pdq, entry.phash, entry.has_keypoints) == (DRAFT.pdq, "", False)
    completed = banked(office, post)
    assert completed.missing == ""
    assert [(one.id, one.phash, one.has_keypoints) for one in completed.entries] == [(entry.id, DRAFT.phash, True)]


def test_secondary_hashes_that_were_stored_need_no_picture(office: Office) -> None:
    post = rejected(office, None)
    store_hashes(office.database, post, 3, [a_pdq(1)], phash="12" * 8, dhash="34" * 8)
    [entry] = banked(office, post, Drawing(error=MISSING)).entries
    assert (entry.phash, entry.dhash) == ("12" * 8, "34" * 8)


def test_another_picture_adds_nothing_to_a_stored_hash(office: Office) -> None:
    pdq = a_pdq(1)
    [entry] = banked(office, rejected(office, pdq)).entries
    assert (entry.pdq, entry.phash, entry.has_keypoints) == (pdq, "", False)


def test_a_post_without_stored_hashes_is_banked_by_its_picture(office: Office) -> None:
    [entry] = banked(office, rejected(office, None)).entries
    assert (entry.pdq, entry.quality) == (DRAFT.pdq, DRAFT.quality)


def test_every_usable_frame_is_banked_once(office: Office) -> None:
    post = rejected(office, None)
    store_hashes(office.database, post, 3, [a_pdq(1), a_pdq(2), a_pdq(1)])
    assert [entry.pdq for entry in banked(office, post).entries] == [a_pdq(1), a_pdq(2)]


def test_banking_a_post_twice_changes_nothing_and_is_told_without_hashes(office: Office) -> None:
    post = rejected(office, DRAFT.pdq)
    first = banked(office, post)
    assert banked(office, post) == first
    events = AuditStore(office.database).about("bank:BANNED")
    assert [(event.kind, event.actor) for event in events] == [("bank.create", "tester"), ("bank.add_many", "ada")]
    assert events[-1].payload["entries"] == [first.entries[0].id]
    assert DRAFT.pdq not in str(events)


def test_a_post_that_could_not_be_known_again_is_refused(office: Office) -> None:
    with pytest.raises(InvalidInputError, match="quality"):
        banked(office, rejected(office, None), Drawing(picture_of(flat())))


def test_an_unknown_post_or_bank_is_not_found(office: Office) -> None:
    with pytest.raises(NotFoundError):
        banked(office, PostId("none"))
    pixels = Pixels(Drawing(), Drawing())
    with pytest.raises(NotFoundError):
        bank_post(office.database, pixels, "NONE", office.held(), actor="ada", now=NOW)
