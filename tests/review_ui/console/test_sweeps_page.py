"""The list of sweeps and the page of one, on the real application."""

from datetime import timedelta

import pytest
from fastapi import FastAPI

from moderation.domain.errors import SweepTooLargeError
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.domain.retroaction import Cause, CauseKind, Result, Sweep, SweepState, SweepTerms
from moderation.storage.policies import PolicyStore
from moderation.storage.retroaction_pages import SweepPages
from review_ui.console import sweeps_page
from review_ui.console.sweep_asked import digest_of
from tests.factories import a_hold
from tests.review_ui.console.floor import HTML
from tests.review_ui.console.listed import statements
from tests.review_ui.console.people import Visitor, visitor
from tests.review_ui.console.swept import PATH, Swept, send
from tests.storage.review.picture_rows import a_pdq


class Scene(Swept):
    """Sweeps by the policy in force, made behind the console's back."""

    def sweep(self, *, cap: int = 100, withdraw: bool = True, bank: str = "") -> Sweep:
        """An open sweep over every bank entry."""
        text = self.desk.settings.policy.read_text(encoding="utf-8")
        PolicyStore(self.desk.database).remember(digest_of(text), text, now=self.desk.clock())
        cause = Cause(CauseKind.BANK, digest_of(text), bank=bank, until=int(self.banks.checkpoint()))
        return self.sweeps.create(cause, SweepTerms(cap, withdraw), by="account:pia", now=self.desk.clock())


@pytest.fixture
def scene(app: FastAPI) -> Scene:
    return Scene(app)


@pytest.fixture
def pia(app: FastAPI) -> Visitor:
    return visitor(app, "pia", Role.POLICY)


def page_of(who: Visitor, sweep: Sweep) -> str:
    answer = who.client.get(f"{PATH}/{sweep.id}", headers=HTML)
    assert answer.status_code == 200
    return str(answer.text)


def test_without_sweeps_the_page_says_where_to_begin(scene: Scene, pia: Visitor) -> None:
    page = pia.client.get(PATH, headers=HTML)
    assert page.status_code == 200
    assert "No sweep yet" in page.text
    assert f'href="{PATH}/new"' in page.text
    assert "New bank entries match" not in page.text


def test_sweeps_are_listed_newest_first_with_what_they_did(
    scene: Scene, pia: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.published(a_pdq(1))
    scene.entry(a_pdq(1))
    first = scene.run(scene.sweep(bank="BANNED").id)
    second = scene.sweep(cap=7)
    page = pia.client.get(PATH, headers=HTML).text
    assert page.index(second.id) < page.index(first.id)
    for words in ("Bank BANNED", "Every bank", "under way", "done", "taken out", "1 of 1"):
        assert words in page
    monkeypatch.setattr(sweeps_page, "PAGE", 1)
    page = pia.client.get(PATH, headers=HTML).text
    assert first.id not in page
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    page = pia.client.get(older, headers=HTML).text
    assert first.id in page
    assert second.id not in page


def test_a_sweep_tells_its_days_results_and_posts_concealed(scene: Scene, pia: Visitor) -> None:
    post = scene.published(a_pdq(1), "A quiet lake")
    scene.entry(a_pdq(1))
    page = page_of(pia, scene.run(scene.sweep().id))
    for words in ("Posts that it touched", "taken out of the feed", "A quiet lake", 'class="chart-drawing"'):
        assert words in page
    assert f"/console/media/{post}/concealed" in page
    assert "/frames/" not in page
    assert "Cancel the sweep" not in page


def test_touched_posts_go_on_over_pages(scene: Scene, pia: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = [scene.published(a_pdq(1, flipped=number), f"lake {number}") for number in range(3)]
    scene.entry(a_pdq(1))
    sweep = scene.run(scene.sweep().id)
    monkeypatch.setattr(sweeps_page, "POSTS", 2)
    first = page_of(pia, sweep)
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = pia.client.get(older, headers=HTML).text
    shown = [{post for post in posts if f"/console/posts/{post}" in page} for page in (first, second)]
    assert [len(one) for one in shown] == [2, 1]
    assert shown[0] | shown[1] == set(posts)
    assert 'rel="next"' not in second
    for cursor in ("x", "eyJ4Ijox", "%F0"):
        assert pia.client.get(f"{PATH}/{sweep.id}?cursor={cursor}", headers=HTML).status_code == 422
        assert pia.client.get(f"{PATH}?cursor={cursor}", headers=HTML).status_code == 422


def test_a_restricted_post_is_a_placeholder_for_whoever_was_not_let_in(
    app: FastAPI, scene: Scene, pia: Visitor
) -> None:
    grave = scene.judged(a_pdq(1), "Something grave", a_hold("child-safety"))
    scene.entry(a_pdq(1))
    sweep = scene.run(scene.sweep().id)
    assert sweep.results == {Result.EVIDENCE: 1}
    page = page_of(pia, sweep)
    assert "Restricted post" in page
    for secret in ("Something grave", grave, "author-1"):
        assert secret not in page
    inside = visitor(app, "ida", Role.ADMIN, queues=("child-safety",))
    page = page_of(inside, sweep)
    assert f"/console/posts/{grave}" in page
    assert "/concealed" not in page


def test_a_sweep_that_met_its_cap_goes_on_when_it_is_raised(scene: Scene, pia: Visitor) -> None:
    posts = [scene.published(a_pdq(1, flipped=number), f"lake {number}") for number in range(2)]
    scene.entry(a_pdq(1))
    sweep = scene.sweep(cap=1)
    with pytest.raises(SweepTooLargeError):
        scene.run(sweep.id)
    assert "It reached its cap of 1 posts" in page_of(pia, sweep)
    for typed, status in (("", 422), ("1", 422), ("0", 422), ("x", 422), ("9" * 30, 422)):
        refused = send(pia, f"/{sweep.id}/cap", cap=typed)
        assert refused.status_code == status
        assert 'role="alert"' in refused.text
    assert send(pia, f"/{sweep.id}/cap", cap="5").headers["location"] == f"{PATH}/{sweep.id}"
    assert scene.sweeps.get(sweep.id).state is SweepState.OPEN
    assert scene.run(sweep.id).touched == 2
    assert {scene.state(post) for post in posts} == {PostState.WITHDRAWN}
    assert send(pia, f"/{sweep.id}/cap", cap="9").status_code == 409, "it is done"


def test_a_sweep_is_cancelled_once_and_on_confirmation(scene: Scene, pia: Visitor) -> None:
    scene.published(a_pdq(1))
    sweep = scene.sweep()
    assert send(pia, f"/{sweep.id}/cancel").status_code == 422
    assert scene.sweeps.get(sweep.id).state is SweepState.OPEN
    assert send(pia, f"/{sweep.id}/cancel", confirm="yes").status_code == 303
    assert scene.sweeps.get(sweep.id).state is SweepState.CANCELLED
    again = send(pia, f"/{sweep.id}/cancel", confirm="yes")
    assert again.status_code == 409
    assert "cancelled" in again.text


def test_a_sweep_whose_bank_is_gone_says_so(scene: Scene, pia: Visitor) -> None:
    scene.published(a_pdq(1))
    scene.entry(a_pdq(1))
    sweep = scene.sweep(bank="BANNED")
    scene.banks.delete_bank("BANNED", actor="test", now=scene.desk.clock())
    assert "bank is gone" in pia.client.get(PATH, headers=HTML).text
    assert "The bank BANNED is gone." in page_of(pia, sweep)
    assert scene.run(sweep.id).touched == 0
    assert "The bank BANNED is gone." in page_of(pia, sweep)
    form = pia.client.get(f"{PATH}/new?bank=BANNED", headers=HTML).text
    assert "BANNED (gone)" in form


def test_a_hostile_name_of_a_bank_is_text(app: FastAPI, pia: Visitor) -> None:
    name = "<script>alert('x')</script>&\"/../"
    scene = Scene(app, bank=name)
    sweep = scene.sweep(bank=name)
    for path in (PATH, f"{PATH}/{sweep.id}", f"{PATH}/new"):
        page = pia.client.get(path, headers=HTML)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


def test_the_alarm_leads_to_a_form_that_is_filled_in(scene: Scene, pia: Visitor) -> None:
    scene.published(a_pdq(1))
    scene.entry(a_pdq(1))
    scene.sweeps.note_due({Result.WITHDRAW: 31, Result.GONE: 5}, now=scene.desk.clock())
    page = pia.client.get(PATH, headers=HTML).text
    assert "New bank entries match 31 posts" in page
    assert "no sweep covers all of them yet" in page
    href = page.split("New bank entries match")[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    form = pia.client.get(href, headers=HTML).text
    assert 'value="since" checked' in form
    assert 'value="yes" checked' in form
    assert 'name="since" value="0"' in form, "every change of the last day, the bank's making included"
    scene.sweep(bank="BANNED")
    scene.sweeps.cancel(scene.sweep().id, by="test", now=scene.desk.clock())
    assert "no sweep covers all of them yet" in pia.client.get(PATH, headers=HTML).text
    scene.sweep()
    assert "a sweep over all of them was made since" in pia.client.get(PATH, headers=HTML).text
    scene.entry(a_pdq(2))
    assert "no sweep covers all of them yet" in pia.client.get(PATH, headers=HTML).text


def test_the_change_before_a_moment_is_the_last_one_then(scene: Scene) -> None:
    pages, now = SweepPages(scene.desk.database), scene.desk.clock()
    newest = int(scene.banks.checkpoint())
    assert pages.change_before(now + timedelta(days=1)) == newest
    assert pages.change_before(now - timedelta(days=1)) == 0


@pytest.mark.parametrize("role", Role)
def test_only_who_keeps_banks_sees_and_changes_sweeps(app: FastAPI, scene: Scene, role: Role) -> None:
    somebody, allowed = visitor(app, "somebody", role), role in {Role.POLICY, Role.ADMIN}
    scene.published(a_pdq(1))
    sweep = scene.sweep()
    for path in (PATH, f"{PATH}/{sweep.id}"):
        assert somebody.client.get(path, headers=HTML).status_code == (200 if allowed else 403)
    for act in ("cap", "cancel"):
        assert send(somebody, f"/{sweep.id}/{act}").status_code == (422 if allowed else 403)
    assert scene.sweeps.get(sweep.id).state is SweepState.OPEN


def test_nothing_is_changed_without_the_forms_token(scene: Scene, pia: Visitor) -> None:
    scene.published(a_pdq(1))
    sweep = scene.sweep()
    for act in ("cap", "cancel"):
        told = {"confirm": "yes", "cap": "900"}
        assert pia.client.post(f"{PATH}/{sweep.id}/{act}", data=told, headers=HTML).status_code == 403
    assert scene.sweeps.get(sweep.id) == sweep


@pytest.mark.parametrize("name", ["nobody", "x" * 300, "%3Cscript%3E", "0198"])
def test_an_id_that_no_sweep_has_is_not_found(pia: Visitor, name: str) -> None:
    assert pia.client.get(f"{PATH}/{name}", headers=HTML).status_code == 404
    for act in ("cap", "cancel"):
        assert send(pia, f"/{name}/{act}", confirm="yes", cap="9").status_code == 404


def test_a_page_asks_as_often_for_many_posts_as_for_one(scene: Scene, pia: Visitor) -> None:
    scene.entry(a_pdq(1))
    scene.entry(a_pdq(2))
    scene.published(a_pdq(1))
    one = scene.run(scene.sweep().id)
    for number in range(4):
        scene.published(a_pdq(2, flipped=number), f"lake {number}")
    many = scene.run(scene.sweep().id)
    assert (one.touched, many.touched) == (1, 4)
    asked = []
    for sweep in (one, one, many):
        with statements(scene.desk) as found:
            page_of(pia, sweep)
        asked.append(len(found))
    assert asked[2] <= asked[1]
