"""A sweep from its form to its making, on the real application."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.domain.retroaction import Result, SweepState
from moderation.storage.audit import AuditStore
from moderation.storage.policies import PolicyStore
from review_ui.console import sweep_new_page
from review_ui.console.sweep_asked import digest_of
from tests.factories import a_hold
from tests.review_ui.console.floor import HTML
from tests.review_ui.console.people import Visitor, visitor
from tests.review_ui.console.swept import PATH, Swept, previewed, send
from tests.storage.review.picture_rows import a_pdq


@pytest.fixture
def swept(app: FastAPI) -> Swept:
    return Swept(app)


@pytest.fixture
def pia(app: FastAPI) -> Visitor:
    return visitor(app, "pia", Role.POLICY)


def made(who: Visitor, path: str, **fields: object) -> Any:
    given = {"csrf": who.csrf, "confirm": "yes", "cap": 100, **fields}
    return who.client.post(f"{path}/make", data=given, headers=HTML)


def test_the_form_offers_what_there_is_and_is_filled_by_its_address(swept: Swept, pia: Visitor) -> None:
    entry = swept.entry(a_pdq(1))
    page = pia.client.get(f"{PATH}/new?entry={entry.id}&withdraw=yes&cap=7", headers=HTML)
    assert page.status_code == 200
    for part in ("<option>BANNED</option>", f'value="{entry.id}"', 'value="entry" checked', 'value="yes" checked'):
        assert part in page.text
    assert 'name="cap" value="7"' in page.text
    assert "known-images" in page.text


def test_a_policy_that_was_only_pasted_is_not_said_to_have_been_in_force(swept: Swept, pia: Visitor) -> None:
    PolicyStore(swept.desk.database).remember(digest_of("pasted"), "pasted", now=swept.desk.clock())
    page = pia.client.get(f"{PATH}/new", headers=HTML).text
    offered = page.split(f'<option value="{digest_of("pasted")}">')[1].split("<")[0]
    assert offered.startswith("stored ")


def test_a_preview_counts_shows_and_changes_nothing(swept: Swept, pia: Visitor) -> None:
    published = swept.published(a_pdq(1), "A quiet lake")
    swept.judged(a_pdq(1, flipped=3), "Held before", a_hold("spam"))
    swept.published(a_pdq(2), "Something else")
    swept.entry(a_pdq(1))
    head = AuditStore(swept.desk.database).head()
    page = pia.client.get(previewed(pia), headers=HTML).text
    assert "taken out of the feed" in page
    assert "waiting already, with new findings" in page
    assert f'href="/console/posts/{published}"' in page
    assert f"/console/media/{published}/concealed" in page
    assert "/frames/" not in page
    assert "Something else" not in page
    assert 'class="chart-drawing"' in page
    assert "Make the sweep" in page
    assert AuditStore(swept.desk.database).head() == head
    assert not swept.made()


def test_one_confirmed_form_makes_one_sweep_and_dagster_runs_it(swept: Swept, pia: Visitor) -> None:
    published = swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    path = previewed(pia)
    first = made(pia, path, cap=5)
    assert first.status_code == 303
    (sweep,) = swept.made()
    assert first.headers["location"] == f"{PATH}/{sweep.id}"
    assert (sweep.by, sweep.terms.cap, sweep.terms.withdraw, sweep.state) == (
        "account:pia",
        5,
        True,
        SweepState.OPEN,
    )
    assert made(pia, path, cap=9).headers["location"] == first.headers["location"], "sent twice it is one"
    assert len(swept.made()) == 1
    assert "A sweep was made of this." in pia.client.get(path, headers=HTML).text
    assert swept.state(published) is PostState.PUBLISHED
    assert swept.run(sweep.id).results == {Result.WITHDRAW: 1}
    assert swept.state(published) is PostState.WITHDRAWN


def test_it_refuses_to_touch_more_than_its_cap(swept: Swept, pia: Visitor) -> None:
    for number in range(3):
        swept.published(a_pdq(1, flipped=number), f"lake {number}")
    swept.entry(a_pdq(1))
    path = previewed(pia, cap=2)
    assert "which is below what was found" in pia.client.get(path, headers=HTML).text
    refused = made(pia, path, cap=2)
    assert refused.status_code == 409
    assert "would touch 3 posts, and its cap is 2" in refused.text
    assert not swept.made()
    assert made(pia, path, cap=3).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"confirm": ""}, 422), ({"cap": "0"}, 422), ({"cap": "x"}, 422), ({"cap": "9" * 30}, 422), ({"cap": "-1"}, 422)],
)
def test_what_is_not_confirmed_or_has_no_cap_makes_nothing(
    swept: Swept, pia: Visitor, fields: dict[str, str], status: int
) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    refused = made(pia, previewed(pia), **fields)
    assert refused.status_code == status
    assert 'role="alert"' in refused.text
    assert not swept.made()


def test_an_old_preview_makes_no_sweep(swept: Swept, pia: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    path = previewed(pia)
    monkeypatch.setattr(sweep_new_page, "FRESH", timedelta(0))
    refused = made(pia, path)
    assert refused.status_code == 409
    assert "too old" in refused.text
    assert not swept.made()


def test_another_policy_in_force_makes_no_sweep_of_an_earlier_preview(
    swept: Swept, pia: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    path = previewed(pia)
    monkeypatch.setattr(sweep_new_page, "policy_in_force", lambda _desk: "another")
    refused = made(pia, path)
    assert refused.status_code == 409
    assert "Another policy is in force" in refused.text
    assert not swept.made()


def test_nothing_to_touch_makes_no_sweep(swept: Swept, pia: Visitor) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(9))
    path = previewed(pia)
    page = pia.client.get(path, headers=HTML).text
    assert "No post would be touched." in page
    assert "Make the sweep" not in page
    assert made(pia, path).status_code == 409
    assert not swept.made()


def test_a_policy_that_is_pasted_is_tried_and_kept_when_a_sweep_is_made(swept: Swept, pia: Visitor) -> None:
    swept.published(a_pdq(1), "nothing special")
    shipped = swept.desk.settings.policy.read_text(encoding="utf-8")
    stricter = shipped + "\n# stricter\n"
    path = previewed(pia, what="text", text=stricter.replace("\n", "\r\n"), bank="")
    page = pia.client.get(path, headers=HTML).text
    assert "Policy " in page
    again = pia.client.get(f"{PATH}/new?again={path.rsplit('/', 1)[1]}", headers=HTML).text
    assert "# stricter" in again
    assert 'value="text" checked' in again


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"what": "bank", "bank": ""}, 422, "Say which bank"),
        ({"what": "bank", "bank": "NOBODY"}, 404, "NOBODY"),
        ({"what": "entry", "entry": ""}, 422, "Say which entry"),
        ({"what": "entry", "entry": "x" * 90}, 404, "xxxx"),
        ({"what": "since", "since": ""}, 422, "whole number"),
        ({"what": "since", "since": "-4"}, 422, "whole number"),
        ({"what": "since", "since": "9" * 40}, 422, "whole number"),
        ({"what": "policy", "policy": "abc"}, 404, "No policy is stored"),
        ({"what": "policy", "policy": "0" * 64}, 404, "No policy is stored"),
        ({"what": "text", "text": "  "}, 422, "no policy in the form"),
        ({"what": "text", "text": "rules: ["}, 422, ""),
        ({"first": "yesterday"}, 422, "first day"),
        ({"last": "2026-02-31"}, 422, "last day"),
        ({"first": "2026-10-02", "last": "2026-10-01"}, 422, "before the first"),
        ({"cap": "0"}, 422, "whole number from 1"),
        ({"cap": "lots"}, 422, "whole number from 1"),
        ({"queue": "nowhere"}, 422, "no such queue"),
        ({"bank": "<script>alert(1)</script>"}, 404, "&lt;script&gt;"),
    ],
)
def test_what_cannot_be_previewed_is_said_beside_the_form(
    swept: Swept, pia: Visitor, fields: dict[str, str], status: int, said: str
) -> None:
    answer = send(pia, "/preview", **{"what": "bank", "bank": "BANNED", "cap": "500", **fields})
    assert answer.status_code == status, answer.text
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert "Preview</button>" in answer.text


def test_a_restricted_example_is_a_placeholder_for_whoever_was_not_let_in(
    app: FastAPI, swept: Swept, pia: Visitor
) -> None:
    grave = swept.judged(a_pdq(1), "Something grave", a_hold("child-safety"))
    swept.entry(a_pdq(1))
    page = pia.client.get(previewed(pia), headers=HTML).text
    assert "Restricted post" in page
    for secret in ("Something grave", grave, "author-1"):
        assert secret not in page
    inside = visitor(app, "ida", Role.ADMIN, queues=("child-safety",))
    page = inside.client.get(previewed(inside), headers=HTML).text
    assert f"/console/posts/{grave}" in page
    assert "/concealed" not in page


def test_a_preview_is_its_owners(app: FastAPI, swept: Swept, pia: Visitor) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    path = previewed(pia)
    other = visitor(app, "otto", Role.ADMIN)
    assert other.client.get(path, headers=HTML).status_code == 404
    assert made(other, path).status_code == 404
    assert other.client.post(f"{path}/stop", data={"csrf": other.csrf}, headers=HTML).status_code == 404
    assert other.client.get(f"{PATH}/new?again={path.rsplit('/', 1)[1]}", headers=HTML).status_code == 404
    assert not swept.made()


def test_days_bound_what_is_looked_at(swept: Swept, pia: Visitor) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    page = pia.client.get(previewed(pia, first="2020-01-01", last="2020-01-31"), headers=HTML).text
    assert "received 2020-01-01 to 2020-01-31" in page
    assert "No post would be touched." in page


def test_a_preview_that_takes_too_long_names_the_command(
    app: FastAPI, swept: Swept, pia: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    monkeypatch.setattr(swept.desk.trials, "_seconds", -1.0)
    path = previewed(pia, first="2020-01-01")
    page = pia.client.get(path, headers=HTML).text
    assert "moderation retroaction preview --bank BANNED --from 2020-01-01 --withdraw" in page
    assert made(pia, path).status_code == 409


@pytest.mark.parametrize("role", Role)
def test_only_who_keeps_banks_previews_and_makes_sweeps(app: FastAPI, swept: Swept, role: Role) -> None:
    somebody, allowed = visitor(app, "somebody", role), role in {Role.POLICY, Role.ADMIN}
    assert somebody.client.get(f"{PATH}/new", headers=HTML).status_code == (200 if allowed else 403)
    assert somebody.client.get(f"{PATH}/preview/x", headers=HTML).status_code == (404 if allowed else 403)
    assert send(somebody, "/preview").status_code == (422 if allowed else 403)
    for act in ("make", "stop"):
        assert send(somebody, f"/preview/x/{act}").status_code == (404 if allowed else 403)


def test_nothing_is_begun_or_made_without_the_forms_token(swept: Swept, pia: Visitor) -> None:
    swept.published(a_pdq(1))
    swept.entry(a_pdq(1))
    path = previewed(pia)
    told = {"what": "bank", "bank": "BANNED", "confirm": "yes", "cap": "100"}
    assert pia.client.post(f"{PATH}/preview", data=told, headers=HTML).status_code == 403
    for act in ("make", "stop"):
        assert pia.client.post(f"{path}/{act}", data=told, headers=HTML).status_code == 403
    assert not swept.made()
