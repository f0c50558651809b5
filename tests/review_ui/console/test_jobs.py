"""The job screen's routes on the real application: who gets a job, what it shows, deciding, undoing, leaving."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI

from moderation.domain.decision import Action, Fate
from moderation.domain.ids import AccountId, JobId, PostId
from moderation.domain.job import JobKind, JobState, Route
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.domain.signal import BankHit, Match
from moderation.storage.review.opening import Opening, open_jobs
from tests.review_ui.console.floor import BATCH, HTML, OTHER_BATCH, Floor, Worker


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


@pytest.fixture
def ada(floor: Floor) -> Worker:
    return floor.person("ada")


def job_path(job_id: str) -> str:
    return f"/console/jobs/{job_id}"


def test_start_leads_to_the_next_job_and_home_when_there_is_none(floor: Floor, ada: Worker) -> None:
    nothing = ada.form("/console/next", HTML)
    assert (nothing.status_code, nothing.headers["location"]) == (303, "/console?nothing=1")
    job = floor.job_of(floor.held())
    found = ada.form("/console/next", HTML)
    assert (found.status_code, found.headers["location"]) == (303, job_path(job.id))
    assert ada.form("/console/next").json() == {"url": job_path(job.id), "found": True}


def test_the_screen_shows_text_grounds_and_policy_and_no_picture(floor: Floor, ada: Worker) -> None:
    post = floor.held(caption="Free <b>coins</b> here")
    page = ada.open(floor.job_of(post).id)
    assert page.status_code == 200
    assert '<mark title="spam: free">Free' in page.text
    assert "&lt;b&gt;coins&lt;/b&gt;" in page.text
    assert "It looks adult." in page.text
    assert "Spam and scams" in page.text
    assert page.text.count(f"/console/media/{post}/frames") == 1, "only the link for browsers without scripts"
    assert f'src="/console/media/{post}/concealed"' in page.text


@pytest.mark.parametrize(
    ("count", "capped", "told"),
    [
        (8, False, None),
        (9, False, "And 1 further bank entry."),
        (12, False, "And 4 further bank entries."),
        (12, True, "And at least 4 further bank entries."),
    ],
)
def test_matches_that_are_not_listed_are_counted(
    floor: Floor, ada: Worker, count: int, *, capped: bool, told: str | None
) -> None:
    hits = tuple(BankHit("BANNED", f"entry-{number}", "block", number, 90, 0) for number in range(count))
    page = ada.open(floor.job_of(floor.held(match=Match("image_match", {}, hits, "1", capped=capped))).id).text
    assert page.count("<b>BANNED</b>") == 8
    assert told in page if told else "further bank" not in page


def test_a_job_of_another_queue_is_not_there(floor: Floor) -> None:
    job = floor.job_of(floor.held(queue="hate", category="hate"))
    assert floor.person("ben", queues=("spam",)).open(job.id).status_code == 404
    assert floor.person("cleo", Role.AUDITOR).open(job.id).status_code == 403


def test_what_somebody_else_has_is_told_as_such(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    assert ada.open(job.id).status_code == 200
    page = floor.person("ben").open(job.id)
    assert page.status_code == 409
    assert "Somebody else is working on this job." in page.text
    assert "Next job" in page.text


def test_an_approval_moves_nothing_until_its_time_is_over(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    answer = ada.decide(job.id, "approve")
    assert answer.status_code == 200
    assert answer.json()["batch"] == BATCH
    assert 0 < answer.json()["undoSeconds"] <= 8
    assert floor.desk.site.posts.many([post])[post].state is PostState.HELD
    floor.desk.decisions.settle_due(limit=10, now=floor.desk.clock() + timedelta(seconds=9))
    assert floor.desk.site.posts.many([post])[post].state is PostState.APPROVED


def test_the_same_submission_again_decides_once(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    token = ada.token(job.id)
    told = {"token": token, "batch": BATCH, "choice": "approve"}
    first = ada.form(f"{job_path(job.id)}/decide", **told).json()
    again = ada.form(f"{job_path(job.id)}/decide", **told).json()
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert len(floor.desk.decisions.of_post(post)) == 1


def test_undo_brings_the_job_back(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    ada.decide(job.id, "approve")
    back = ada.form(f"/console/undo/{BATCH}")
    assert back.json()["url"] == job_path(job.id)
    assert ada.open(job.id).status_code == 200
    assert [one.fate for one in floor.desk.decisions.of_post(post)] == [Fate.UNDONE]
    ada.decide(job.id, "approve", OTHER_BATCH)
    assert len(floor.desk.decisions.of_post(post)) == 2


def test_nobody_undoes_somebody_elses_decision(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    ada.decide(job.id, "approve")
    assert floor.person("ben").form(f"/console/undo/{BATCH}").status_code == 404


def test_a_rejection_needs_its_reason(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    asked = ada.decide(job.id, "reject:spam", note="Is it?")
    assert asked.status_code == 200
    assert "Advertising" in asked.text
    assert 'name="note" value="Is it?"' in asked.text
    assert floor.desk.decisions.of_post(post) == []
    assert ada.decide(job.id, "reject:spam", reason="advertising").status_code == 200
    (decision,) = floor.desk.decisions.of_post(post)
    assert (decision.action, decision.category, decision.reasons) == (Action.REJECT, "spam", ("advertising",))
    assert decision.seconds == 4.5


@pytest.mark.parametrize("choice", ["", "publish", "reject:nonsense", "reject"])
def test_a_choice_that_does_not_exist_is_refused(floor: Floor, ada: Worker, choice: str) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    assert ada.decide(job.id, choice, reason="advertising").status_code == 422
    assert floor.desk.decisions.of_post(post) == []


def test_another_persons_lease_decides_nothing(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    told = {"token": ada.token(job.id), "batch": BATCH, "choice": "approve"}
    assert floor.person("ben").form(f"{job_path(job.id)}/decide", **told).status_code == 409
    assert floor.desk.decisions.of_post(post) == []


def test_a_form_of_an_earlier_session_decides_nothing(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    assert ada.decide(job.id, "approve", csrf="0" * 64).status_code == 403
    assert floor.desk.decisions.of_post(post) == []


def test_what_is_typed_is_kept_until_it_is_sent(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    assert ada.json(f"{job_path(job.id)}/draft", {"note": "Looks like an ad"}, "PUT").status_code == 204
    assert ">Looks like an ad</textarea>" in ada.open(job.id).text
    ada.decide(job.id, "approve", note="Looks like an ad")
    assert floor.desk.drafts.note(ada.visitor.person.id, job.id) == ""


def test_no_draft_is_kept_of_a_job_that_is_not_ones_own(floor: Floor) -> None:
    job = floor.job_of(floor.held(queue="hate", category="hate"))
    ben = floor.person("ben", queues=("spam",))
    assert ben.json(f"{job_path(job.id)}/draft", {"note": "x"}, "PUT").status_code == 204
    assert floor.desk.drafts.note(ben.visitor.person.id, job.id) == ""
    assert ben.json(f"{job_path('nothing')}/draft", {"note": "x"}, "PUT").status_code == 204


def test_a_skipped_job_is_never_offered_again(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    token = ada.token(job.id)
    assert ada.form(f"{job_path(job.id)}/skip", token=token, reason="because").status_code == 422
    assert ada.form(f"{job_path(job.id)}/skip", token=token, reason="language").json() == {"url": "/console"}
    assert ada.form("/console/next").json()["found"] is False
    assert ada.open(job.id).status_code == 404
    assert floor.person("ben").form("/console/next").json()["found"] is True


def test_a_job_put_aside_waits_for_its_holder(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    token = ada.token(job.id)
    for wrong in ("0", "-5", "soon", str(60 * 24 * 365)):
        assert ada.form(f"{job_path(job.id)}/hold", token=token, minutes=wrong).status_code == 422
    assert ada.form(f"{job_path(job.id)}/hold", token=token, minutes="60").status_code == 200
    assert ada.form("/console/next").json()["found"] is False
    assert "On hold" in ada.client.get("/console", headers=HTML).text


def test_a_job_is_handed_to_a_colleague(floor: Floor, ada: Worker) -> None:
    ben = floor.person("ben")
    job = floor.job_of(floor.held())
    page = ada.open(job.id).text
    assert f'<option value="{ben.visitor.person.id}">Ben</option>' in page
    told = {"token": ada.token(job.id), "to": ben.visitor.person.id, "note": "You know this author."}
    assert ada.form(f"{job_path(job.id)}/hand-over", **told).status_code == 200
    assert "Handed to you" in ben.client.get("/console", headers=HTML).text
    assert ben.form("/console/next").json()["url"] == job_path(job.id)
    shown = ben.open(job.id).text
    assert "You know this author." in shown
    assert "handed it over" in shown


def test_a_job_given_back_is_everybodys(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    assert ada.form(f"{job_path(job.id)}/release", token=ada.token(job.id)).status_code == 200
    assert floor.person("ben").open(job.id).status_code == 200


def test_a_job_can_be_kept_longer(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    assert ada.form(f"{job_path(job.id)}/extend", token=ada.token(job.id)).json()["seconds"] == 900
    kept = floor.desk.queue.get(job.id)
    assert kept is not None
    assert kept.lease is not None
    assert kept.lease.expires_at > floor.desk.clock() + timedelta(minutes=14)


def test_a_blind_second_look_learns_nothing_of_the_first(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    ada.decide(job.id, "reject:spam", reason="advertising", note="plainly an ad")
    floor.desk.decisions.settle_due(limit=10, now=floor.desk.clock() + timedelta(seconds=9))
    second = _open(floor, post, JobKind.SECOND, exclude=ada.visitor.person.id)
    assert ada.open(second).status_code == 404, "who decided first never gets it"
    page = floor.person("ben").open(second)
    assert page.status_code == 200
    for telling in ("plainly an ad", "Decided before", "Rejected", "second"):
        assert telling not in page.text, telling


def test_a_disagreement_shows_both_sides_and_no_names(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    job = floor.job_of(post)
    ada.open(job.id)
    ada.decide(job.id, "reject:spam", reason="advertising", note="plainly an ad")
    floor.desk.decisions.settle_due(limit=10, now=floor.desk.clock() + timedelta(seconds=9))
    asked = _open(floor, post, JobKind.DISAGREEMENT, exclude=ada.visitor.person.id)
    page = floor.person("senior", Role.SENIOR).open(asked)
    assert page.status_code == 200
    told = page.text.partition('id="earlier-title"')[2].partition("</section>")[0]
    assert "plainly an ad" in told
    assert "Ada" not in told


def _open(floor: Floor, post: PostId, kind: JobKind, *, exclude: AccountId) -> JobId:
    opening = Opening(
        post=floor.desk.site.posts.many([post])[post],
        queue="spam",
        category="spam",
        reason="It looks like spam.",
        route=Route("spam", 50, 3600.0),
        basis="",
        pdq=None,
        kind=kind,
        exclude=(exclude,),
    )
    with floor.desk.database.write() as connection:
        (opened,) = open_jobs(connection, [opening], now=floor.desk.clock())
    return opened


def test_heartbeats_name_what_is_still_ones_own(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    refs = [{"job": job.id, "token": ada.token(job.id)}, {"job": "gone", "token": "x"}]
    assert ada.json("/console/heartbeat", {"refs": refs}).json() == {"mine": [job.id]}
    assert ada.json("/console/heartbeat", {"refs": [{"job": job.id}]}).status_code == 422
    assert ada.json("/console/heartbeat", {"refs": refs * 20}).status_code == 422


def test_the_jobs_after_the_current_one_are_fetched_ahead(floor: Floor, ada: Worker) -> None:
    for shade in range(5):
        floor.held(shade, author=None, caption=f"Nr-{shade} of five")
    current = ada.form("/console/next").json()["url"].rsplit("/", 1)[1]
    ahead = ada.json("/console/ahead", {"current": current}).json()["jobs"]
    assert len(ahead) == 2
    assert current not in {one["job"] for one in ahead}
    assert all(one["url"] == job_path(one["job"]) and one["token"] for one in ahead)
    assert floor.person("ben").open(ahead[0]["job"]).status_code == 409


def test_one_sees_what_one_decided_and_what_became_of_it(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    ada.open(job.id)
    ada.decide(job.id, "reject:spam", reason="advertising")
    page = ada.client.get("/console/mine", headers=HTML)
    assert "Rejected" in page.text
    assert f'action="/console/undo/{BATCH}"' in page.text
    floor.desk.decisions.settle_due(limit=10, now=floor.desk.clock() + timedelta(seconds=9))
    page = ada.client.get("/console/mine", headers=HTML)
    assert "In effect" in page.text
    assert "/console/undo/" not in page.text
    done = floor.desk.queue.get(job.id)
    assert done is not None
    assert done.state is JobState.CLOSED


def test_who_does_not_decide_sees_where_to_go(floor: Floor) -> None:
    page = floor.person("aud", Role.AUDITOR, queues=()).client.get("/console", headers=HTML)
    assert page.status_code == 200
    assert '<a href="/console/audit">Audit</a>' in page.text
    assert 'action="/console/next"' not in page.text
