import shutil
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moderation.domain.bank import Bank, BankEffect, EntryDraft
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin
from moderation.domain.verdict import Verdict
from moderation.matching.weighing.recall_room import found_by_hashes_only
from moderation.storage.banks import BankStore
from moderation.storage.lanes import LaneBeat
from moderation.storage.model_roles import ModelRoleStore
from review_ui import state
from review_ui.readiness import CHECKS
from tests.factories import accept
from tests.review_ui.conftest import Backend


def parts(backend: Backend) -> dict[str, str]:
    return {part["name"]: part["state"] for part in backend.client.get("/readyz").json()["parts"]}


def samples(backend: Backend) -> dict[tuple[str, tuple[str, ...]], float]:
    response = backend.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def a_beat(backend: Backend, *, age_seconds: float = 0.0) -> LaneBeat:
    at = backend.site.clock() - timedelta(seconds=age_seconds)
    return LaneBeat("lane-1", "run-1", "host", 1, at, at, "working", 0)


def test_healthz_asks_nothing(backend: Backend) -> None:
    backend.site.database.close()
    shutil.rmtree(backend.site.settings.home)
    response = backend.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readyz_names_every_part(backend: Backend) -> None:
    found = parts(backend)
    assert list(found) == list(CHECKS)
    assert [found[name] for name in ("database", "blobs", "lanes", "backlog")] == ["ok"] * 4


def test_a_blob_store_that_is_not_there_is_missing_and_stays_so(backend: Backend) -> None:
    folder = backend.site.settings.home / "blobs"
    folder.rmdir()
    assert parts(backend)["blobs"] == "missing"
    assert not folder.exists()


def test_a_missing_model_is_named(backend: Backend) -> None:
    response = backend.client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    detail = {part["name"]: part["detail"] for part in response.json()["parts"]}["models"]
    assert "opennsfw" in detail


def test_a_post_that_waits_with_no_lane_alive_is_not_ready(backend: Backend) -> None:
    accept(backend.site.posts, now=backend.site.clock())
    assert parts(backend)["lanes"] == "missing"


def test_a_stale_heartbeat_does_not_count(backend: Backend) -> None:
    accept(backend.site.posts, now=backend.site.clock())
    backend.site.lanes.beat(a_beat(backend, age_seconds=backend.site.settings.lane_stale_seconds + 5))
    assert parts(backend)["lanes"] == "missing"


def test_a_lane_that_beats_is_enough(backend: Backend) -> None:
    accept(backend.site.posts, now=backend.site.clock())
    backend.site.lanes.beat(a_beat(backend))
    assert parts(backend)["lanes"] == "ok"


def test_overdue_posts_are_a_stale_backlog(backend: Backend) -> None:
    accept(backend.site.posts, now=backend.site.clock() - timedelta(hours=1))
    assert parts(backend)["backlog"] == "stale"


def test_a_database_that_is_not_migrated_is_stale(backend: Backend) -> None:
    (backend.site.settings.home / "moderation.db").unlink()
    assert parts(backend)["database"] in {"stale", "missing"}


def test_a_part_that_throws_is_missing_and_the_others_are_told(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ping() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(type(backend.site.blobs), "ping", staticmethod(ping))
    found = parts(backend)
    assert (found["blobs"], found["database"]) == ("missing", "ok")


def test_readiness_is_checked_once_however_many_ask(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.client.get("/readyz")

    def ping() -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr(type(backend.site.database), "ping", staticmethod(ping))
    assert parts(backend)["database"] == "ok"


def test_metrics_tell_states_queues_and_requests(backend: Backend) -> None:
    headers = backend.key()
    backend.published(headers)
    backend.send(headers, caption="Held")
    backend.judge(Verdict.HOLD)
    backend.send(headers, caption="x" * 5000)
    found = samples(backend)
    assert found["moderation_database_up", ()] == 1
    assert found["moderation_posts", ("published",)] == 1
    assert found["moderation_posts", ("held",)] == 1
    assert found["moderation_posts", ("rejected",)] == 0
    assert found["moderation_queue_depth", ("adult",)] == 1
    assert found["moderation_jobs_stranded", ("adult",)] == 1
    assert found["moderation_unsettled_seconds", ()] == 0
    assert ("moderation_jobs_overdue", ("adult",)) not in found
    assert found["moderation_lanes_alive", ()] == 0
    assert found["moderation_intake_posts_total", ("created",)] == 2
    assert found["moderation_intake_posts_total", ("too_large",)] == 1
    assert found["moderation_http_request_seconds_count", tuple(sorted(("/v1/posts", "POST", "202")))] == 2


def test_a_candidate_that_was_given_up_is_a_metric(backend: Backend) -> None:
    roles, pin, at = ModelRoleStore(backend.site.database), ModelPin("second", Digest("2" * 64)), backend.site.clock()
    roles.name_candidate("image_nsfw", pin, by="cli", now=at)
    roles.give_up("image_nsfw", pin, by="lane", now=at, note="by signal 11")
    assert samples(backend)["moderation_candidates_given_up", ("image_nsfw",)] == 1


def test_keypoints_that_are_not_held_are_a_metric(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    banks = BankStore(backend.site.database)
    for name, effect in (("BANNED", BankEffect.BLOCK), ("ODD", BankEffect.REVIEW)):
        banks.create(Bank(name, effect), actor="test", now=backend.site.clock())
        for number in range(2):
            draft = EntryDraft(f"{number:064x}", 90, keypoints=b"points")
            banks.add(name, draft, actor="test", now=backend.site.clock())
    banks.add("ODD", EntryDraft("f" * 64, 90), actor="test", now=backend.site.clock())
    assert banks.with_keypoints() == {"BANNED": 2, "ODD": 2}
    monkeypatch.setattr(state, "found_by_hashes_only", partial(found_by_hashes_only, most=3))
    found = samples(backend)
    assert found["moderation_bank_keypoints_left_out", ("block",)] == 0
    assert found["moderation_bank_keypoints_left_out", ("others",)] == 1


def test_the_oldest_pending_post_has_an_age(backend: Backend) -> None:
    accept(backend.site.posts, now=backend.site.clock() - timedelta(seconds=100))
    assert samples(backend)["moderation_oldest_pending_seconds", ()] == pytest.approx(100, abs=30)


def test_metrics_are_served_without_a_database(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def counts() -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr(type(backend.site.posts), "counts", staticmethod(counts))
    found = samples(backend)
    assert found["moderation_database_up", ()] == 0
    assert ("moderation_posts", ("held",)) not in found


def test_unknown_paths_share_one_label(backend: Backend) -> None:
    for number in range(5):
        backend.client.get(f"/nothing/{number}")
    assert samples(backend)["moderation_http_request_seconds_count", tuple(sorted(("unmatched", "GET", "404")))] == 5
