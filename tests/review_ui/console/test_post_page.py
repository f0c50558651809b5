import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from moderation.domain.decision import Action
from moderation.domain.people import Role
from moderation.domain.verdict import Verdict
from moderation.storage.outbox import OutboxStore
from moderation.storage.tables import gold_items
from tests.factories import a_hold, judge_all
from tests.review_ui.console.listed import add_post, desk_of, hold_all, look_at, statements
from tests.review_ui.console.people import Visitor, visitor
from tests.screening.sweeping import Scene
from tests.storage.review.picture_rows import a_pdq


@pytest.fixture
def iris(app: FastAPI) -> Visitor:
    return visitor(app, "iris", Role.AUDITOR)


def test_everything_that_happened_is_told(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    OutboxStore(desk.database).add_endpoint("feed", "https://feed.example/h", "whsec_" + "A" * 32, now=desk.clock())
    post = add_post(desk, "A <i>quiet</i> lake")
    hold_all(desk)
    look_at(desk, iris.person, post.id)
    page = iris.client.get(f"/console/posts/{post.id}")
    assert page.status_code == 200
    for told in (
        "Received",
        "Screened",
        "Held for Adult content",
        "Review job in Adult content",
        "Client told: post held",
        "feed: pending",
        "It looks adult.",
        "media.viewed",
        "post.verdict",
        "client-1",
        "A &lt;i&gt;quiet&lt;/i&gt; lake",
    ):
        assert told in page.text
    assert f'src="/console/media/{post.id}/concealed"' in page.text
    assert "/frames/" not in page.text


def test_what_a_sweep_said_of_a_published_post_is_not_told_as_a_hold(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    scene = Scene(desk.database)
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    sweep = scene.sweep()
    page = iris.client.get(f"/console/posts/{post}").text
    assert "Judged again" in page
    assert f"by sweep {sweep}" in page
    assert "To be looked at in" in page
    assert "Held for" not in page


def test_a_post_that_may_not_be_seen_is_the_same_as_none(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "Something grave")
    hold_all(desk, a_hold("child-safety"))
    hidden, missing = (iris.client.get(f"/console/posts/{name}") for name in (post.id, "nothing"))
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["detail"] == missing.json()["detail"]


def test_a_restricted_picture_has_no_preview_even_for_whoever_was_let_in(app: FastAPI) -> None:
    desk = desk_of(app)
    post = add_post(desk, "Something grave")
    hold_all(desk, a_hold("child-safety"))
    grace = visitor(app, "grace", Role.SENIOR, queues=["child-safety"])
    page = grace.client.get(f"/console/posts/{post.id}").text
    assert "data-restricted" in page
    assert "/concealed" not in page


def test_whoever_could_be_asked_is_not_told_what_others_decided(app: FastAPI) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    hold_all(desk)
    asked = visitor(app, "ada", queues=["adult"]).client.get(f"/console/posts/{post.id}").text
    other = visitor(app, "bo", queues=["spam"]).client.get(f"/console/posts/{post.id}").text
    assert "in review" in asked
    assert "Audit trail" not in asked
    assert "Client told" not in asked
    assert "in review" not in other
    assert "Audit trail" in other


def test_a_senior_who_could_be_asked_is_not_told_that_it_is_a_test(app: FastAPI) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    hold_all(desk)
    lead = visitor(app, "lead", Role.POLICY)
    with desk.database.write() as connection:
        connection.execute(
            insert(gold_items).values(
                id="gold-1",
                post_id=post.id,
                queue="adult",
                action=Action.APPROVE,
                category="",
                note="",
                added_by=lead.person.id,
                added_at=desk.clock(),
                retired_at=None,
            )
        )
    asked = visitor(app, "sam", Role.SENIOR, queues=["adult"])
    assert "gold item" in lead.client.get(f"/console/posts/{post.id}").text
    assert "gold item" not in asked.client.get(f"/console/posts/{post.id}").text


def test_payloads_and_names_of_viewers_are_for_leads_and_auditors(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    judge_all(desk.site.posts, Verdict.APPROVE, now=desk.clock())
    ada = visitor(app, "ada")
    assert "payload" in iris.client.get(f"/console/posts/{post.id}").text
    assert 'class="payload"' not in ada.client.get(f"/console/posts/{post.id}").text


def test_its_statements_do_not_grow_with_its_history(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    hold_all(desk)
    counts = []
    for _ in range(2):
        iris.client.get(f"/console/posts/{post.id}")
        with statements(desk) as seen:
            assert iris.client.get(f"/console/posts/{post.id}").status_code == 200
        counts.append(len(seen))
        look_at(desk, iris.person, *[post.id] * 30)
    assert counts[0] == counts[1]


def test_the_audit_trail_goes_on(app: FastAPI, iris: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    look_at(desk, iris.person, *[post.id] * 30)
    first = iris.client.get(f"/console/posts/{post.id}").text
    cursor = first.split("?cursor=")[1].split("#")[0]
    assert "post.received" not in first.split('id="trail"')[1]
    assert "post.received" in iris.client.get(f"/console/posts/{post.id}", params={"cursor": cursor}).text
