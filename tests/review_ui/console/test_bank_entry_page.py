"""The page of a bank's entry: what it tells, what it keeps back, and changing the entry."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.bank import BankEntry, EntryAmendment, Opinion
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import EntryId, PostId
from moderation.domain.people import Role
from moderation.domain.signal import BankHit
from moderation.review.near_pictures import NearPost
from moderation.storage.audit import AuditStore
from moderation.storage.entry_matches import EntryMatchStore
from review_ui.console.bank_entry_page import LOOKED
from review_ui.console.bank_paths import bank_path, entry_path
from review_ui.console.near_at_hand import NearAtHand
from tests.review_ui.console.bank_scene import BANK, HTML, BankScene
from tests.review_ui.console.floor import Worker
from tests.review_ui.console.listed import statements

ACTS = ("amend", "disable", "enable", "remove")


@pytest.fixture
def scene(app: FastAPI) -> BankScene:
    return BankScene.of(app)


@pytest.fixture
def pia(scene: BankScene) -> Worker:
    return scene.person("pia", Role.POLICY, queues=())


def here(entry: BankEntry) -> str:
    return entry_path(entry.bank, entry.id)


def act(scene: BankScene, worker: Worker, entry: BankEntry, what: str, **fields: str) -> Any:
    shown = re.search(r'name="version" value="([0-9a-f]{16})"', scene.page(worker, here(entry)).text)
    version = {} if shown is None else {"version": shown.group(1)}
    return worker.form(f"{here(entry)}/{what}", HTML, **version, **fields)


@pytest.mark.parametrize("role", Role)
def test_who_sees_an_entry_and_who_changes_it(scene: BankScene, role: Role) -> None:
    entry, worker = scene.entry(), scene.person(f"the-{role}", role)
    sees, changes = role not in {Role.MODERATOR, Role.AUDITOR}, role in {Role.POLICY, Role.ADMIN}
    assert scene.page(worker, here(entry)).status_code == (200 if sees else 403)
    answers = {what: act(scene, worker, entry, what, sure="yes", note="x").status_code for what in ACTS}
    assert answers == dict.fromkeys(ACTS, 303 if changes else 403)


def test_everything_is_told_but_the_hash(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(7, note="Case 4711", category="adult", source="api", provenance={"exchange": "list-1"})
    scene.banks.amend(entry.id, EntryAmendment(opinion=Opinion.DISPUTED), actor="account:sam", now=scene.desk.clock())
    text = scene.page(pia, here(entry)).text
    for told in ("Case 4711", "adult", "api", "list-1", entry.id, "disputed", "90 of 100", "Banked", "by sam"):
        assert told in text
    for secret in (entry.pdq, entry.phash, entry.dhash, entry.pdq.upper()):
        assert secret not in text


def test_posts_that_matched_are_listed_concealed(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(7)
    post, other, turned = scene.matched(entry, 1), scene.held(2), scene.matched(entry, 3, turn=5)
    text = scene.page(pia, here(entry)).text
    assert f'src="/console/media/{post}/concealed"' in text
    assert f'href="/console/posts/{post}"' in text
    assert "4 of 256 bits" in text
    assert "/frames/" not in text
    assert turned in text
    assert other not in text


def test_a_restricted_post_that_matched_is_told_only_to_whoever_was_let_in(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(7)
    post = scene.matched(entry, 1, queue="child-safety", category="minors")
    grace = scene.person("grace", Role.POLICY, queues=("child-safety", "child-safety-leads"))
    theirs, hers = scene.page(pia, here(entry)).text, scene.page(grace, here(entry)).text
    assert post not in theirs
    assert "None that you may see" in theirs
    assert post in hers
    assert 'concealed"' not in hers
    assert "Restricted: no preview" in hers


def test_only_the_nearest_of_a_flood_are_looked_through(
    scene: BankScene, pia: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, asked = scene.entry(1), list[int]()
    post = scene.matched(entry)
    flood = [NearPost(post, 0), *(NearPost(PostId(f"copy-{number}"), 1) for number in range(70_000))]
    monkeypatch.setattr(NearAtHand, "search", lambda *_, **__: flood)
    among = EntryMatchStore.among

    def counted(store: EntryMatchStore, ids: Sequence[PostId], entry_id: EntryId) -> dict[PostId, BankHit]:
        asked.append(len(ids))
        return among(store, ids, entry_id)

    monkeypatch.setattr(EntryMatchStore, "among", counted)
    page = scene.page(pia, here(entry))
    assert page.status_code == 200
    assert post in page.text
    assert "There may be more" in page.text
    assert asked == [LOOKED]


def test_words_are_amended(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1, note="before", category="adult")
    done = act(scene, pia, entry, "amend", note=" after\r\nall ", category="hate")
    assert done.headers["location"] == f"{here(entry)}?done=amended"
    found = scene.banks.entry(entry.id)
    assert (found.note, found.category, found.opinion) == ("after\nall", "hate", entry.opinion)
    event = [one for one in AuditStore(scene.desk.database).events() if one.kind == "bank.amend"][-1]
    assert (event.actor, event.payload["entry"]) == ("account:pia", entry.id)


def test_a_note_that_is_kept_back_is_not_written_over(scene: BankScene, pia: Worker) -> None:
    post = scene.held(queue="child-safety", category="minors")
    entry = scene.entry(1, note="what it shows", provenance={"post": post})
    refused = act(scene, pia, entry, "amend", note="mine", category="minors")
    assert refused.status_code == 403
    assert "people who may see its post" in refused.text
    assert scene.banks.entry(entry.id).note == "what it shows"
    assert act(scene, pia, entry, "amend", category="hate").status_code == 303


def test_a_note_stays_closed_when_a_copy_that_may_be_seen_is_banked_too(scene: BankScene, pia: Worker) -> None:
    post, copy = scene.held(queue="child-safety", category="minors"), scene.held(2)
    entry = scene.entry(1, note="what it shows", provenance={"post": post})
    scene.entry(1, provenance={"post": copy})
    for path in (here(entry), bank_path(BANK)):
        page = scene.page(pia, path).text
        assert "what it shows" not in page
        assert post not in page


def test_what_it_does_changes_only_when_that_is_meant(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    fields = {"opinion": "disputed", "demoted": "yes", "expires_at": "2030-02-03"}
    assert act(scene, pia, entry, "amend", **fields).status_code == 422
    assert scene.banks.entry(entry.id) == entry
    assert act(scene, pia, entry, "amend", **fields, sure="yes").status_code == 303
    found = scene.banks.entry(entry.id)
    assert (found.opinion, found.demoted) == (Opinion.DISPUTED, True)
    assert found.expires_at == datetime(2030, 2, 3, tzinfo=UTC)
    cleared = {"opinion": "positive_class", "demoted": "no", "expires_at": ""}
    assert act(scene, pia, entry, "amend", **cleared, sure="yes").status_code == 303
    found = scene.banks.entry(entry.id)
    assert (found.opinion, found.demoted, found.expires_at) == (Opinion.POSITIVE, False, None)


def test_an_expiry_with_a_time_is_not_rounded_by_the_form(scene: BankScene, pia: Worker) -> None:
    expiry = datetime(2030, 2, 3, 14, 30, tzinfo=UTC)
    entry = scene.entry(1, expires_at=expiry)
    fields = {"opinion": "disputed", "demoted": "no", "expires_at": "2030-02-03", "sure": "yes"}
    assert act(scene, pia, entry, "amend", **fields).status_code == 303
    assert scene.banks.entry(entry.id).expires_at == expiry


def test_disabling_and_enabling(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    assert act(scene, pia, entry, "disable").status_code == 422
    assert act(scene, pia, entry, "disable", sure="yes").status_code == 303
    assert not scene.banks.entry(entry.id).active(scene.desk.clock() + timedelta(days=365_000))
    assert "somebody enables it" in scene.page(pia, here(entry)).text
    assert act(scene, pia, entry, "enable").status_code == 422
    assert act(scene, pia, entry, "enable", sure="yes").status_code == 303
    assert scene.banks.entry(entry.id).active(scene.desk.clock())
    assert act(scene, pia, entry, "disable", sure="yes", until="2031-01-01").status_code == 303
    assert scene.banks.entry(entry.id).disable_until == datetime(2031, 1, 1, tzinfo=UTC)


def test_removing(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    assert act(scene, pia, entry, "remove").status_code == 422
    done = act(scene, pia, entry, "remove", sure="yes")
    assert done.headers["location"] == f"{bank_path(BANK)}?done=removed"
    with pytest.raises(NotFoundError):
        scene.banks.entry(entry.id)
    assert "removed" in scene.page(pia, done.headers["location"]).text
    for answer in (scene.page(pia, here(entry)), *(act(scene, pia, entry, what, sure="yes") for what in ACTS)):
        assert answer.status_code == 404


def test_what_cannot_be_used_is_told_and_changes_nothing(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    wrong: list[tuple[str, dict[str, str]]] = [
        ("amend", {}),
        ("amend", {"opinion": "x"}),
        ("amend", {"note": "x" * 2_001}),
        ("amend", {"category": "x" * 201}),
        ("amend", {"expires_at": "soon"}),
        ("amend", {"expires_at": "99999-01-01"}),
        ("amend", {"note": "a\0b"}),
        ("disable", {"until": "2031-13-01"}),
    ]
    for what, fields in wrong:
        answer = act(scene, pia, entry, what, sure="yes", **fields)
        assert answer.status_code == 422, (what, fields)
    assert scene.banks.entry(entry.id) == entry


def test_an_entry_that_somebody_changed_meanwhile_stays_as_it_is(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    shown = re.search(r'name="version" value="([0-9a-f]+)"', scene.page(pia, here(entry)).text)
    assert shown is not None
    scene.banks.amend(entry.id, EntryAmendment(note="theirs"), actor="account:sam", now=scene.desk.clock())
    for what in ACTS:
        late = pia.form(f"{here(entry)}/{what}", HTML, version=shown.group(1), sure="yes", note="mine")
        assert late.status_code == 409
        assert "meanwhile" in late.text
    assert scene.banks.entry(entry.id).note == "theirs"


def test_an_entry_is_found_only_in_its_bank(scene: BankScene, pia: Worker) -> None:
    entry = scene.entry(1)
    scene.bank("OTHER")
    for path in (entry_path("OTHER", entry.id), f"{bank_path(BANK)}/entries/nothing", "/console/banks/GONE/entries/x"):
        assert scene.page(pia, path).status_code == 404
        assert pia.form(f"{path}/remove", HTML, sure="yes").status_code == 404
    assert scene.banks.entry(entry.id) == entry


def test_statements_do_not_grow_with_matches(scene: BankScene, pia: Worker) -> None:
    entry, counts = scene.entry(7), []
    for seeds in (range(1, 3), range(3, 9)):
        for seed in seeds:
            scene.matched(entry, seed)
        scene.page(pia, here(entry))
        with statements(scene.desk) as seen:
            assert scene.page(pia, here(entry)).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
