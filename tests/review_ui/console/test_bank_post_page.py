"""Banking the picture of a post: who may, when, and what they are told."""

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.bank import BankEffect
from moderation.domain.decision import Action
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from review_ui.console.bank_paths import bank_post_path
from tests.review_ui.api.matching.pictures import flat
from tests.review_ui.console import bank_scene
from tests.review_ui.console.bank_scene import BANK, HTML, BankScene
from tests.review_ui.console.floor import Worker
from tests.storage.review.picture_rows import a_pdq, store_hashes


@pytest.fixture
def scene(app: FastAPI) -> BankScene:
    return BankScene.of(app)


@pytest.fixture
def ada(scene: BankScene) -> Worker:
    return scene.person("ada", Role.MODERATOR)


def bank_it(worker: Worker, post: PostId, **fields: str) -> Any:
    return worker.form(bank_post_path(post), HTML, **{"bank": BANK, "category": "", "note": "", **fields})


def test_a_moderator_banks_what_they_rejected(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    form = scene.page(ada, bank_post_path(post))
    assert form.status_code == 200
    assert 'value="spam"' in form.text
    assert "what I saw" in form.text
    assert f"/console/media/{post}/concealed" in form.text
    assert "/frames/" not in form.text
    done = bank_it(ada, post, category="spam", note="ticket 3")
    assert done.status_code == 200
    [entry] = scene.banks.entries(BANK)
    assert (entry.category, entry.note, entry.source, entry.has_keypoints) == ("spam", "ticket 3", "decision", True)
    assert entry.provenance["post"] == post
    assert entry.banked_by == ("account:ada",)
    assert "1 entry in" in done.text
    assert entry.id[-12:] in done.text
    assert "/console/banks" not in done.text.split('id="content"')[1]


def test_sent_again_it_changes_nothing(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    assert bank_it(ada, post).status_code == 200
    before = scene.banks.checkpoint()
    assert bank_it(ada, post).status_code == 200
    assert scene.banks.checkpoint() == before


def test_no_hash_is_in_any_answer(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    text = scene.page(ada, bank_post_path(post)).text + bank_it(ada, post).text
    [entry] = scene.banks.entries(BANK)
    for secret in (entry.pdq, entry.phash, entry.dhash):
        assert secret
        assert secret not in text
        assert secret not in "".join(str(event.payload) for event in AuditStore(scene.desk.database).events())


def test_what_is_missing_is_said(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    store_hashes(scene.desk.database, post, 5_000_000, [a_pdq(1)])
    stored = scene.desk.site.posts.get(post)
    assert stored is not None
    assert scene.desk.site.blobs.delete(stored.image, unused_since=scene.desk.clock() + timedelta(days=1))
    done = bank_it(ada, post)
    assert done.status_code == 200
    assert "Without keypoints" in done.text
    assert not scene.banks.entries(BANK)[0].has_keypoints


def test_a_lead_is_led_to_the_entry_and_whoever_keeps_banks_to_a_sweep(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    sam, pia = scene.person("sam", Role.SENIOR), scene.person("pia", Role.POLICY, queues=())
    by_lead, by_keeper = bank_it(sam, post).text, bank_it(pia, post).text
    [entry] = scene.banks.entries(BANK)
    link, sweep = f"/console/banks/{BANK}/entries/{entry.id}", f"/console/sweeps/new?entry={entry.id}"
    assert link in by_lead
    assert sweep not in by_lead
    assert link in by_keeper
    assert sweep in by_keeper


def test_another_moderator_may_not(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    bo = scene.person("bo", Role.MODERATOR)
    assert scene.page(bo, bank_post_path(post)).status_code == 403
    refused = bank_it(bo, post)
    assert refused.status_code == 403
    assert "Somebody else rejected" in refused.text
    assert scene.banks.entries(BANK) == []


def test_what_was_not_rejected_is_for_those_who_keep_banks(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post, Action.APPROVE)
    refused = bank_it(ada, post)
    assert refused.status_code == 403
    assert "rejected" in refused.text
    pia = scene.person("pia", Role.POLICY, queues=())
    assert "Nobody rejected this post" in scene.page(pia, bank_post_path(post)).text
    assert bank_it(pia, post).status_code == 200


def test_a_decision_that_can_be_undone_is_waited_for(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post, settle=False)
    for worker in (ada, scene.person("pia", Role.POLICY, queues=())):
        waits = bank_it(worker, post, note="kept while it waits")
        assert waits.status_code == 409
        assert "not in effect yet" in waits.text
        assert "kept while it waits" in waits.text
    assert scene.banks.entries(BANK) == []


def test_an_undone_decision_banks_nothing(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post, settle=False)
    [decision] = scene.desk.decisions.of_post(post)
    ada.form(f"/console/undo/{decision.batch}")
    assert bank_it(ada, post).status_code == 403


def test_whoever_is_asked_to_look_blind_is_told_nothing(scene: BankScene) -> None:
    post = scene.held()
    sam = scene.person("sam", Role.SENIOR)
    refused = scene.page(sam, bank_post_path(post))
    assert refused.status_code == 403
    assert "yourself" in refused.text


def test_deciders_bank_into_nothing_that_lets_pictures_pass(scene: BankScene, ada: Worker) -> None:
    scene.bank("HARMLESS", BankEffect.ALLOW)
    post = scene.held()
    scene.decide(ada, post)
    assert "HARMLESS" not in scene.page(ada, bank_post_path(post)).text
    assert bank_it(ada, post, bank="HARMLESS").status_code == 403
    assert bank_it(scene.person("pia", Role.POLICY, queues=()), post, bank="HARMLESS").status_code == 200


def test_a_bank_that_went_meanwhile(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    scene.banks.delete_bank(BANK, actor="system:test", now=scene.desk.clock())
    gone = bank_it(ada, post, note="not lost")
    assert gone.status_code == 404
    assert "There is no bank" in gone.text
    with pytest.raises(NotFoundError):
        scene.banks.bank(BANK)


def test_what_cannot_be_used_is_told(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    cases = (
        ({"bank": ""}, 422),
        ({"bank": "~!!"}, 404),
        ({"bank": "~AA"}, 404),
        ({"category": "x" * 201}, 422),
        ({"note": "x" * 2_001}, 422),
    )
    for fields, status in cases:
        assert bank_it(ada, post, **fields).status_code == status, fields
    assert scene.banks.entries(BANK) == []


def test_a_picture_that_is_too_flat_is_refused(scene: BankScene, ada: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_scene, "drawn", lambda seed: flat(90 + seed))
    post = scene.held()
    scene.decide(ada, post)
    refused = bank_it(ada, post)
    assert refused.status_code == 422
    assert "quality" in refused.text


def test_a_post_that_may_not_be_seen_is_the_same_as_none(scene: BankScene) -> None:
    post = scene.held(queue="child-safety", category="minors")
    for role in (Role.MODERATOR, Role.SENIOR, Role.POLICY, Role.ADMIN):
        worker = scene.person(f"the-{role}", role)
        hidden, missing = scene.page(worker, bank_post_path(post)), scene.page(worker, "/console/posts/nothing/bank")
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert bank_it(worker, post).status_code == 404
    assert scene.banks.entries(BANK) == []


def test_a_job_leads_to_its_post(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    job = scene.decide(ada, post)
    led = scene.page(ada, f"/console/jobs/{job}/bank")
    assert (led.status_code, led.headers["location"]) == (303, bank_post_path(post))
    assert scene.page(ada, "/console/jobs/nothing/bank").status_code == 404
    gone = scene.page(ada, f"/console/jobs/{job}")
    assert gone.status_code == 409
    assert bank_post_path(post) in gone.text
    assert f"/console/jobs/{job}/bank" in scene.page(ada, "/console/mine").text


def test_the_posts_page_offers_it_to_whoever_may(scene: BankScene, ada: Worker) -> None:
    post = scene.held()
    scene.decide(ada, post)
    people = {name: scene.person(name, role) for name, role in (("bo", Role.MODERATOR), ("iris", Role.AUDITOR))}
    offered = [bank_post_path(post) in scene.page(one, f"/console/posts/{post}").text for one in people.values()]
    assert offered == [False, False]
    assert bank_post_path(post) in scene.page(ada, f"/console/posts/{post}").text


def test_hostile_words_stay_words(scene: BankScene, ada: Worker) -> None:
    name = '"><script>alert(1)</script>/../x'
    scene.bank(name)
    post = scene.held()
    scene.decide(ada, post)
    text = scene.page(ada, bank_post_path(post)).text
    assert "<script>alert" not in text
    key = re.search(r'<option value="(~[^"]+)"', text)
    assert key is not None
    done = bank_it(ada, post, bank=key.group(1), note="<b>bold</b>", category="<i>")
    assert done.status_code == 200
    assert "<script>alert" not in done.text
    [entry] = scene.banks.entries(name)
    assert entry.note == "<b>bold</b>"
