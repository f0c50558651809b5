"""The pages of banks: who sees them, what they tell, and what changes."""

import re
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.bank import BankEffect, EntryAmendment, Opinion
from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from moderation.storage.match_counts import FLOODED, MATCHED
from moderation.storage.review import counters
from review_ui.console.bank_paths import BANKS, bank_path
from tests.review_ui.console.bank_scene import BANK, HTML, BankScene
from tests.review_ui.console.floor import Worker
from tests.review_ui.console.listed import statements

SETTINGS = {
    "effect": "block",
    "distance_bits": "20",
    "review_bits": "50",
    "secondary_bits": "",
    "min_quality": "60",
    "verify": "yes",
    "enabled": "yes",
    "description": "Changed.",
}
HERE = bank_path(BANK)


@pytest.fixture
def scene(app: FastAPI) -> BankScene:
    return BankScene.of(app)


@pytest.fixture
def pia(scene: BankScene) -> Worker:
    return scene.person("pia", Role.POLICY, queues=())


def version(page: str) -> str:
    found = re.search(r'name="version" value="([0-9a-f]{16})"', page)
    assert found is not None
    return found.group(1)


def change(scene: BankScene, worker: Worker, **fields: str) -> Any:
    shown = version(scene.page(worker, HERE).text)
    return worker.form(f"{HERE}/settings", HTML, **{"version": shown, **SETTINGS, **fields})


@pytest.mark.parametrize("role", Role)
def test_who_sees_banks_and_who_changes_them(scene: BankScene, role: Role) -> None:
    worker = scene.person(f"the-{role}", role)
    sees, changes = role not in {Role.MODERATOR, Role.AUDITOR}, role in {Role.POLICY, Role.ADMIN}
    pages = [scene.page(worker, path) for path in (BANKS, HERE)]
    assert [page.status_code for page in pages] == [200 if sees else 403] * 2
    assert [("Make the bank" in pages[0].text), ("See what would change" in pages[1].text)] == [changes] * 2
    made = worker.form(BANKS, HTML, **SETTINGS, name="NEW")
    assert made.status_code == (303 if changes else 403)
    assert worker.form(f"{HERE}/settings", HTML, **SETTINGS).status_code == (409 if changes else 403)
    bar = scene.page(worker, "/console/profile").text
    assert (f'href="{BANKS}"' in bar, 'href="/console/sweeps"' in bar) == (sees, changes)


def test_the_list_tells_what_banks_do_and_came_to(scene: BankScene, pia: Worker) -> None:
    scene.bank("SUSPECTED", BankEffect.REVIEW, description="Leads.", enabled=False)
    entry = scene.entry(1)
    scene.banks.amend(entry.id, EntryAmendment(demoted=True), actor="system:flood", now=scene.desk.clock())
    with scene.desk.database.write() as connection:
        amounts: dict[counters.Key, float] = {(MATCHED, entry.id, BANK): 1_207.0, (FLOODED, entry.id, BANK): 1.0}
        counters.add(connection, scene.desk.clock(), amounts)
    text = scene.page(pia, BANKS).text
    for told in ("1,207", "refuses", "asks a person", "not in use", "Leads.", "state=demoted", "flood"):
        assert told in text
    assert entry.pdq not in text


def test_a_new_bank(scene: BankScene, pia: Worker) -> None:
    made = pia.form(BANKS, HTML, **SETTINGS, name="  FRESH ")
    assert made.headers["location"] == f"{BANKS}/FRESH?done=created"
    bank = scene.banks.bank("FRESH")
    assert (bank.effect, bank.distance_bits, bank.review_bits, bank.secondary_bits) == (BankEffect.BLOCK, 20, 50, None)
    again = pia.form(BANKS, HTML, **SETTINGS, name="FRESH")
    assert again.status_code == 409
    assert 'value="FRESH"' in again.text
    [event] = [one for one in AuditStore(scene.desk.database).events() if one.subject == "bank:FRESH"]
    assert event.actor == "account:pia"


def test_what_cannot_be_a_setting_is_told(scene: BankScene, pia: Worker) -> None:
    before = scene.banks.bank(BANK)
    wrong = [
        {"effect": "explode"},
        {"distance_bits": "32"},
        {"distance_bits": "-1"},
        {"distance_bits": ""},
        {"distance_bits": "1e1"},
        {"review_bits": "10"},
        {"secondary_bits": "17"},
        {"min_quality": "101"},
        {"min_quality": "٣"},
        {"description": "x" * 2_001},
    ]
    for fields in wrong:
        answer = change(scene, pia, sure="yes", step="save", **fields)
        assert answer.status_code == 422, fields
        assert "Not changed" in answer.text
        assert pia.form(BANKS, HTML, **{**SETTINGS, **fields}, name="OTHER").status_code == 422, fields
    for name in ("", "x" * 101, "a\u200bb", "\x1b"):
        assert pia.form(BANKS, HTML, **SETTINGS, name=name).status_code == 422, name
    assert scene.banks.bank(BANK) == before
    assert [bank.name for bank in scene.banks.definitions()] == [BANK]


def test_nothing_changes_before_it_was_shown_and_confirmed(scene: BankScene, pia: Worker) -> None:
    before = scene.banks.bank(BANK)
    trial = change(scene, pia)
    assert trial.status_code == 200
    assert "31 bits" in trial.text
    assert "20 bits" in trial.text
    assert change(scene, pia, step="save").status_code == 422
    assert scene.banks.bank(BANK) == before
    done = change(scene, pia, step="save", sure="yes")
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}?done=changed")
    after = scene.banks.bank(BANK)
    assert (after.distance_bits, after.secondary_bits, after.description) == (20, None, "Changed.")
    same = change(scene, pia)
    assert same.status_code == 422
    assert "Nothing would change" in same.text


def test_a_bank_that_somebody_changed_meanwhile_stays_as_it_is(scene: BankScene, pia: Worker) -> None:
    shown = version(scene.page(pia, HERE).text)
    assert change(scene, pia, step="save", sure="yes").status_code == 303
    fields = {**SETTINGS, "distance_bits": "5", "version": shown, "step": "save", "sure": "yes"}
    late = pia.form(f"{HERE}/settings", HTML, **fields)
    assert late.status_code == 409
    assert "meanwhile" in late.text
    assert scene.banks.bank(BANK).distance_bits == 20


def test_a_bank_that_went_is_not_found(scene: BankScene, pia: Worker) -> None:
    shown = version(scene.page(pia, HERE).text)
    scene.banks.delete_bank(BANK, actor="system:test", now=scene.desk.clock())
    assert scene.page(pia, HERE).status_code == 404
    assert pia.form(f"{HERE}/settings", HTML, **SETTINGS, version=shown).status_code == 404
    assert "There is no bank" in scene.page(pia, HERE).text


def test_entries_are_paged_newest_first_and_filtered(scene: BankScene, pia: Worker) -> None:
    entries = [scene.entry(seed, source=("api", "decision")[seed % 2], note=f"n{seed}.") for seed in range(1, 54)]
    text = scene.page(pia, HERE).text
    listed = re.findall(rf'href="{HERE}/entries/([0-9a-f-]+)"', text)
    assert listed == [entry.id for entry in entries[:2:-1]]
    older = re.search(r'href="([^"]+)" rel="next"', text)
    assert older is not None
    rest = scene.page(pia, older.group(1).replace("&amp;", "&")).text
    assert re.findall(rf'href="{HERE}/entries/([0-9a-f-]+)"', rest) == [entry.id for entry in entries[2::-1]]
    scene.banks.amend(entries[3].id, EntryAmendment(opinion=Opinion.DISPUTED), actor="x", now=scene.desk.clock())
    for query, count in (("opinion=disputed", 1), ("source=api", 26), ("state=demoted", 0), ("state=active", 50)):
        found = scene.page(pia, f"{HERE}?{query}").text
        assert len(re.findall(rf'href="{HERE}/entries/', found)) == count, query
    for entry in entries:
        assert entry.pdq not in text + rest


def test_filters_that_make_no_sense_are_told(scene: BankScene, pia: Worker) -> None:
    for query in (
        "state=x",
        "opinion=x",
        f"source={'x' * 201}",
        "before=x",
        "before=-1",
        "source=%00",
        "before=" + "9" * 30,
    ):
        assert scene.page(pia, f"{HERE}?{query}").status_code == 422, query


def test_a_note_about_a_post_that_may_not_be_seen_is_kept_back(scene: BankScene, pia: Worker) -> None:
    post = scene.held(queue="child-safety", category="minors")
    entry = scene.entry(1, note="what it shows", provenance={"post": post, "decision": "decision-7"})
    scene.entry(1, note="what it shows again", provenance={"post": post, "case": "case-7"})
    open_entry = scene.entry(2, note="harmless words")
    grace = scene.person("grace", Role.POLICY, queues=("child-safety", "child-safety-leads"))
    theirs, hers = scene.page(pia, HERE).text, scene.page(grace, HERE).text
    assert "what it shows" not in theirs
    assert "what it shows" in hers
    assert open_entry.note in theirs
    page = scene.page(pia, f"{HERE}/entries/{entry.id}").text
    for secret in ("what it shows", post, "decision-7"):
        assert secret not in page
    assert "note: changed" in page


def test_whoever_is_to_look_blind_does_not_learn_from_a_bank_what_others_decided(scene: BankScene) -> None:
    post = scene.held()
    entry = scene.entry(1, note="rejected for this", provenance={"post": post})
    same = scene.matched(entry, 3)
    mine = scene.entry(2, provenance={"post": same})
    sam, kim = scene.person("sam", Role.SENIOR), scene.person("kim", Role.SENIOR, queues=())
    for worker, told in ((sam, False), (kim, True)):
        page = scene.page(worker, f"{HERE}/entries/{entry.id}").text
        assert (post in page, "rejected for this" in page) == (told, told)
        assert same in page
        assert ("in review" in page) == (not told)
        assert same not in scene.page(worker, f"{HERE}/entries/{mine.id}").text or told


def test_hostile_names_and_words_stay_words(scene: BankScene, pia: Worker) -> None:
    name = '"><script>alert(1)</script>/../entries/x?y=#'
    scene.bank(name, description="<img src=x onerror=alert(1)>")
    scene.entry(1, bank=name, note="<script>", category="'\"><b>", source="{{ 7*7 }}")
    for path in (BANKS, bank_path(name), f"{bank_path(name)}?state=active"):
        page = scene.page(pia, path)
        assert page.status_code == 200
        content = page.text.split('id="content"')[1]
        assert "<script>" not in content
        assert "<img src=x" not in content
        assert "49" not in re.sub(r"\d\d:\d\d|datetime=\"[^\"]+\"|[0-9a-f-]{12,}", "", content)


def test_statements_do_not_grow_with_entries(scene: BankScene, pia: Worker) -> None:
    counts = []
    for seeds in (range(1, 3), range(3, 30)):
        for seed in seeds:
            scene.entry(seed, provenance={"post": f"p{seed}"})
        scene.page(pia, HERE)
        with statements(scene.desk) as seen:
            assert scene.page(pia, HERE).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
