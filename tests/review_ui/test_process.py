"""The application in a process of its own, over real sockets."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from moderation.domain.verdict import Verdict
from moderation.settings import Settings
from moderation.storage.keys import SCOPES
from review_ui.app import create_app
from review_ui.serve import CONNECTIONS, ApiServer
from review_ui.site import Site, open_site
from tests.factories import judge_all
from tests.passwords import UNREACHABLE, assert_no_password
from tests.review_ui.conftest import settings_in
from tests.review_ui.requests import PNG, form, problem_of
from tests.review_ui.serving import Server, served

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Settings:
    return settings_in(tmp_path_factory.mktemp("server"), sqlite_template)


@pytest.fixture(scope="module")
def server(home: Settings) -> Iterator[Server]:
    with served(home.home, MODERATION_MAX_IMAGE_BYTES="100000") as running:
        yield running


@pytest.fixture(scope="module")
def site(home: Settings) -> Site:
    return open_site(home)


@pytest.fixture(scope="module")
def secret(site: Site) -> str:
    return site.keys.create("feed-backend", scopes=SCOPES, per_minute=600, now=site.clock())[1]


def test_a_post_goes_in_waits_for_its_verdict_and_comes_out(server: Server, site: Site, secret: str) -> None:
    stop = threading.Event()

    def lane() -> None:
        while not stop.wait(0.05):
            judge_all(site.posts, Verdict.APPROVE, now=site.clock())
            site.posts.publish_approved(limit=10, now=site.clock())

    thread = threading.Thread(target=lane)
    thread.start()
    try:
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
            content_type, body = form()
            headers = {"Content-Type": content_type, "Idempotency-Key": "post-1"}
            sent = client.post("/v1/posts?wait=30", content=body, headers=headers)
            assert sent.status_code == 201
            assert sent.json()["verdict"] == "approve"
            again = client.post("/v1/posts?wait=30", content=body, headers=headers)
            assert (again.status_code, again.json()["id"]) == (200, sent.json()["id"])
            while not (items := client.get("/v1/feed").json()["items"]):
                assert thread.is_alive()
        assert httpx.get(server.url + items[0]["image"]["url"]).content == PNG
    finally:
        stop.set()
        thread.join()
    log = server.log.read_text()
    assert '"route": "/v1/posts"' in log
    assert secret not in log


def test_a_body_over_the_limit_gets_its_answer_over_a_real_socket(server: Server, secret: str) -> None:
    content_type, body = form(image=b"x" * 3_000_000)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": content_type}
    problem_of(httpx.post(f"{server.url}/v1/posts", content=body, headers=headers), 413, "too_large")

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    problem_of(httpx.post(f"{server.url}/v1/posts", content=chunks(), headers=headers), 413, "too_large")


def test_the_process_starts_without_a_database_and_says_so(settings: Settings) -> None:
    with served(settings.home, MODERATION_DATABASE_URL=UNREACHABLE) as server:
        found = httpx.get(f"{server.url}/readyz", timeout=30)
        states = {part["name"]: part["state"] for part in found.json()["parts"]}
        assert (found.status_code, states["database"]) == (503, "missing")
        assert httpx.get(server.url, timeout=30).status_code == 503
    assert server.process.returncode in {0, -signal.SIGTERM}
    assert_no_password(server.log.read_text())


def test_who_waits_for_a_verdict_is_answered_when_the_process_is_told_to_end(settings: Settings) -> None:
    site = open_site(settings)
    secret = site.keys.create("feed-backend", scopes=SCOPES, per_minute=600, now=site.clock())[1]
    content_type, body = form()
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": content_type}
    with served(settings.home) as server, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(httpx.post, f"{server.url}/v1/posts?wait=30", content=body, headers=headers, timeout=60)
        while site.posts.oldest_pending_at() is None:
            assert not sending.done()
        server.process.terminate()
        answer = sending.result()
        assert (answer.status_code, answer.json()["state"]) == (202, "received")
        assert server.process.wait(30) in {0, -signal.SIGTERM}
    assert "Cancel" not in server.log.read_text()
    site.database.close()


def test_a_connection_too_many_is_turned_away(site: Site) -> None:
    assert ApiServer(create_app(site=site), host="127.0.0.1", port=0).config.limit_concurrency == CONNECTIONS


def test_a_wrong_setting_is_one_line_and_an_exit_status(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "review_ui.serve", "--host", "127.0.0.1", "--port", "0"],
        env={**os.environ, "MODERATION_HOME": str(tmp_path), "MODERATION_LANES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "MODERATION_LANES" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_application_loads_no_model_runtime() -> None:
    code = "import sys, review_ui.app; print(sorted({'torch', 'transformers', 'onnxruntime'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_opening_a_site_connects_to_nothing(settings: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    assert open_site(settings.model_copy(update={"database_url": url})).database.dialect == "postgresql"
