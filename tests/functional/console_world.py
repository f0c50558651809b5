"""The console as people meet it: a server process, a lane that screens and settles, accounts, and a browser."""

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

from datasets.breaches import TEXTS
from datasets.samples import SamplePost, sample_posts
from moderation.assembly import blob_store, compile_review_plan, intake, now
from moderation.bench.processes import environment
from moderation.cli.up.seeding import ensure_sample_banks
from moderation.domain.ids import JobId, PostId
from moderation.domain.outbox import Message
from moderation.domain.people import Person, Role
from moderation.domain.post import Author
from moderation.review.passwords import Passwords
from moderation.review.plan import Plan
from moderation.screening.intake import Submission
from moderation.settings import PROJECT, Settings
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.accounts.sessions import Client, SessionStore
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.queue import JobQueue
from tests.functional.world import World, world
from tests.review_ui.serving import free_port

PASSWORD = "correct horse battery staple"
WINDOW = {"width": 1280, "height": 800}
START_SECONDS = 60.0
PATIENCE_MS = 20_000
SETTLE_MS = 450
"""For so long a job that has just come takes no key that was meant for the one before."""
UNDO_SECONDS = 4
LEASE_SECONDS = 15
HELD_TEXTS = tuple(row for row in TEXTS if row[5] == "hold" and not row[6].startswith(("minors", "new_account")))


def shorter_plan(folder: Path) -> Path:
    """The shipped plan with short times, and without draws: the same every time."""
    text = (PROJECT / "policies" / "review.yaml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        key = line.strip().partition(":")[0]
        fixed = {
            "undo_seconds": f"undo_seconds: {UNDO_SECONDS}",
            "lease_seconds": f"lease_seconds: {LEASE_SECONDS}",
            "second_rate": "    second_rate: 0",
            "gold_rate": "    gold_rate: 0",
        }
        lines.append(fixed.get(key, line))
    path = folder / "review.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@dataclass
class ConsoleWorld:
    """A running console. `url` stays the same when the server is killed and started again."""

    place: World
    plan: Plan
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        return self.place.settings

    @property
    def database(self) -> Database:
        return self.place.database

    @property
    def queue(self) -> JobQueue:
        return JobQueue(self.database)

    @property
    def decisions(self) -> DecisionStore:
        return DecisionStore(self.database)

    def start(self) -> None:
        command = [sys.executable, "-m", "review_ui.serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.settings.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment(self.settings), stdout=log, stderr=log)
        until(self._answers, "the server answers", START_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as when the machine takes it away."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def hire(self, name: str, role: Role = Role.MODERATOR, queues: Sequence[str] | None = None) -> Person:
        """An account with a password, let into every queue that is not restricted unless some are named."""
        if name not in self.people:
            open_queues = [one.name for one in self.plan.queues.values() if not one.restricted]
            new = NewAccount(
                name,
                role,
                display_name=name.title(),
                queues=frozenset(open_queues if queues is None else queues),
                password_hash=Passwords().hash(PASSWORD),
            )
            self.people[name] = PeopleStore(self.database).create(new, actor="system:test", now=now())
        return self.people[name]

    def cookie(self, name: str) -> dict[str, str]:
        """A session of the person, as after signing in."""
        store = SessionStore(self.database, lifetime_s=43_200, idle_s=3_600)
        client = Client("127.0.0.1", "tests")
        secret, _ = store.start(self.people[name], method="password", confirmed=True, client=client, now=now())
        return {"name": "session", "value": secret, "url": self.url}

    @contextmanager
    def page(self, browser: Browser, name: str | None, **options: Any) -> Iterator[Page]:
        """A window of the person's own browser; any error that a script throws fails the test at its end."""
        context = browser.new_context(**{"viewport": WINDOW, "base_url": self.url, **options})
        if name is not None:
            context.add_cookies([self.cookie(name)])  # type: ignore[list-item]
        page, errors = _watched(context)
        try:
            yield page
        finally:
            context.close()
        assert errors == []

    def send(self, samples: Sequence[SamplePost]) -> list[PostId]:
        """Send posts through the real intake; the lane screens them."""
        door = intake(self.settings, self.database, blob_store(self.settings))
        return [
            door.accept(
                Submission(one.image, one.caption, one.prompt, one.author),
                client="test",
                idempotency_key=None,
                now=now(),
            ).post.id
            for one in samples
        ]

    def screened(self, samples: Sequence[SamplePost]) -> list[PostId]:
        """The same, once every verdict is there."""
        ids = self.send(samples)
        self.place.until_judged(ids)
        return ids

    def open_jobs(self) -> int:
        return sum(one.open + one.leased for one in self.queue.counts(None, now()))

    def told(self, post: PostId) -> list[Message]:
        """What left the system about a post."""
        return [one for one in OutboxStore(self.database).messages(None, 10_000) if one.post_id == post]

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError((self.settings.home / "server.log").read_text()[-4000:])
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False


def _watched(context: BrowserContext) -> tuple[Page, list[str]]:
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


@contextmanager
def console_world(folder: Path, url: str = "") -> Iterator[ConsoleWorld]:
    """A console whose lane works, with the sample banks and no post."""
    plan_path = shorter_plan(folder)
    home = folder / "home"
    with world(home, url, review_plan=plan_path, console_origin="") as place, place.lane("lane-1"):
        ensure_sample_banks(place.settings, place.database)
        plan = compile_review_plan(plan_path.read_text(encoding="utf-8"), plan_path.name)
        console = ConsoleWorld(place, plan, free_port())
        try:
            console.start()
            place.until_working("lane-1")
            yield console
        finally:
            console.stop()


def held_samples(count: int, *, name: str = "held") -> list[SamplePost]:
    """`count` posts that word lists hold, each a job of its own: no two captions are the same."""
    pictures = [one.image for one in sample_posts() if not one.rule and len(one.image) < 200_000]
    made = []
    for number in range(count):
        _, _, _, caption, prompt, verdict, rule = HELD_TEXTS[number % len(HELD_TEXTS)]
        author = Author(f"{name}-{number}", 300.0, number)
        image = pictures[number % len(pictures)]
        made.append(SamplePost(f"{name}-{number}", image, f"{caption} {name} {number}", prompt, author, verdict, rule))
    return made


def near_duplicates(count: int, caption: str) -> list[SamplePost]:
    """Copies of one picture that differ a little, under one caption that is held."""
    sample = next(one for one in sample_posts() if not one.rule and one.image[:3] == b"\xff\xd8\xff")
    picture = Image.open(io.BytesIO(sample.image)).convert("RGB")
    made = []
    for number in range(count):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=95 - 2 * number)
        author = Author(f"copier-{number}", 10.0, number)
        made.append(SamplePost(f"copy-{number}", out.getvalue(), caption, "copy", author, sample.expected))
    return made


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"too late: {what}"
        time.sleep(0.05)


def facts(page: Page) -> dict[str, Any]:
    """What the job on the screen is."""
    text = page.locator("[data-facts]").text_content()
    assert text is not None
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def job_on(page: Page) -> JobId:
    page.wait_for_selector("[data-job]")
    return JobId(facts(page)["job"])


def wait_for_other_job(page: Page, job: JobId) -> JobId:
    """Wait until the screen shows another job than `job`. Asks from here: the page's policy forbids `eval` to pages."""

    def other() -> bool:
        found = page.locator("[data-facts]").all_text_contents()
        return bool(found) and json.loads(found[0])["job"] != job

    until(other, f"a job after {job}", PATIENCE_MS / 1000)
    page.wait_for_timeout(SETTLE_MS)
    return job_on(page)


def start_work(page: Page) -> JobId:
    """From one's own page into the first job, by the keyboard."""
    page.goto("/console")
    page.keyboard.press("Enter")
    job = job_on(page)
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLE_MS)
    return job


def shown_post(page: Page) -> PostId:
    """The post on the stage."""
    found = page.locator("[data-stage]:not([hidden])").first.get_attribute("data-post")
    assert found is not None
    return PostId(found)


def fine_detail(picture: bytes, size: int = 256) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What a picture holds of edges and texture: grey levels less their local mean, by `size`."""
    grey = np.asarray(Image.open(io.BytesIO(picture)).convert("L").resize((size, size)), dtype=np.float64)
    coarse = Image.fromarray(grey.astype(np.uint8)).resize((size // 16, size // 16), Image.Resampling.BOX)
    smooth = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
    return grey - smooth


def likeness(one: bytes, other: bytes) -> float:
    """Correlation of two pictures' fine detail, -1 to 1."""
    first, second = fine_detail(one).ravel(), fine_detail(other).ravel()
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
