"""Banks and running lanes: how soon a change is seen by all of them, and what a damaged index file leads to."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from datasets.samples import sample_posts
from moderation.assembly import blob_store, intake, now
from moderation.bench.processes import environment
from moderation.cli.bank_pictures import bare_drafts
from moderation.domain.bank import Bank, BankEffect, BankEntry
from moderation.domain.ids import PostId
from moderation.domain.post import Author, PostState
from moderation.domain.signal import FailureReason, Match, SignalFailure
from moderation.domain.verdict import Screening, Verdict
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.multi_index.folder import publish
from moderation.screening.intake import Submission
from moderation.storage.banks import BankStore
from moderation.storage.screenings import ScreeningStore
from tests.functional.slow_rebuild_lane import RELEASE
from tests.functional.world import World, kill, world

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]
SEEN_SECONDS = 1.0
"""So soon after its commit a change counts in every lane."""


@cache
def harmless() -> tuple[bytes, bytes]:
    """Two small pictures that are published."""
    found = [sample.image for sample in sample_posts() if sample.expected is Verdict.APPROVE]
    first, second = sorted(set(found), key=len)[:2]
    return first, second


def send(place: World, image: bytes, count: int = 1) -> list[PostId]:
    door = intake(place.settings, place.database, blob_store(place.settings))
    ids = []
    for _ in range(count):
        author = Author("someone", account_age_days=900, published_posts=90)
        submission = Submission(image, "a quiet picture", "", author)
        ids.append(door.accept(submission, client="test", idempotency_key=None, now=now()).post.id)
    return ids


def bank(place: World, folder: Path, image: bytes) -> tuple[BankEntry, datetime]:
    """A picture in a blocking bank, and when that was committed."""
    path = folder / "known"
    path.write_bytes(image)
    [draft] = bare_drafts(place.settings, [str(path)])
    banks = BankStore(place.database)
    if not banks.banks():
        banks.create(Bank("BANNED", BankEffect.BLOCK), actor="test", now=now())
    return banks.add("BANNED", draft, actor="test", now=now()), now()


def screened(place: World, ids: Sequence[PostId]) -> list[Screening]:
    store = ScreeningStore(place.database)
    return [one for post_id in ids for one in store.history(post_id)]


def match_of(screening: Screening) -> Match:
    [match] = [result for result in screening.results if isinstance(result, Match)]
    return match


def stream(
    place: World, image: bytes, lanes: set[str], true: Callable[[Match], bool], since: datetime
) -> list[Screening]:
    """Posts until each lane has matched, after `since`, as it should; all that were judged by then."""
    ids: list[PostId] = []

    def answered() -> bool:
        ids.extend(send(place, image, 2))
        time.sleep(0.1)
        done = [one for one in screened(place, ids) if (match_of(one).at or since) > since]
        return {one.lane for one in done if true(match_of(one))} >= lanes

    place.until(answered, "every lane sees the change")
    place.until_judged(ids)
    return screened(place, ids)


def last_stale(screenings: Sequence[Screening], true: Callable[[Match], bool], since: datetime) -> timedelta:
    """How long after `since` the last match was that did not see the change."""
    stale = [match.at - since for match in map(match_of, screenings) if match.at is not None and not true(match)]
    return max(stale, default=timedelta(0))


def first_seen(screenings: Sequence[Screening], true: Callable[[Match], bool], since: datetime) -> dict[str, float]:
    """For each lane, how many seconds after `since` its first match was that saw the change."""
    found: dict[str, float] = {}
    for one in sorted(screenings, key=lambda one: match_of(one).at or since):
        match = match_of(one)
        if match.at is not None and true(match):
            found.setdefault(one.lane, (match.at - since).total_seconds())
    return found


@pytest.mark.postgres
@pytest.mark.long
def test_two_lanes_see_an_added_and_a_removed_entry_within_a_second(tmp_path: Path, postgres_url: str) -> None:
    lanes = {"one", "two"}
    image, _ = harmless()
    with world(tmp_path, postgres_url, threads=1, batch_posts=4) as place, place.lane("one"), place.lane("two"):
        place.until_working(*lanes)
        ids = send(place, image, 16)
        place.until_judged(ids)
        assert place.check_promises(ids) == {"published": 16}

        entry, added_at = bank(place, tmp_path, image)
        with_entry = stream(place, image, lanes, lambda match: bool(match.hits), added_at)
        assert last_stale(with_entry, lambda match: bool(match.hits), added_at).total_seconds() <= SEEN_SECONDS
        assert {match_of(one).values["image_match_effect"] for one in with_entry if match_of(one).hits} == {"block"}
        print("added", first_seen(with_entry, lambda match: bool(match.hits), added_at))  # noqa: T201 - the figures that are asked for

        BankStore(place.database).remove(entry.id, actor="test", now=now())
        removed_at = now()
        without = stream(place, image, lanes, lambda match: not match.hits, removed_at)
        assert last_stale(without, lambda match: not match.hits, removed_at).total_seconds() <= SEEN_SECONDS
        print("removed", first_seen(without, lambda match: not match.hits, removed_at))  # noqa: T201 - the figures that are asked for
        place.check_promises([one.post_id for one in (*with_entry, *without)])


@contextmanager
def slow_lane(place: World, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A lane that reads the banks anew only when it is told to."""
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.slow_rebuild_lane", name],
            env=environment(place.settings),
            stdout=log,
            stderr=log,
        )
        place.processes.append(process)
        try:
            place.until_working(name)
            yield process
        finally:
            place.processes.remove(process)
            kill(process)


def damaged_index(place: World, entry: BankEntry) -> None:
    """A published index of the banks, and a byte of it changed."""
    codes, keys = from_hex(entry.pdq)[np.newaxis], np.array([entry.number], dtype=np.int64)
    checkpoint = int(BankStore(place.database).checkpoint())
    file = publish(place.settings.home / "index", codes, keys, checkpoint=checkpoint, now=now()).path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


@pytest.mark.long
def test_a_damaged_index_file_holds_every_post_until_the_banks_were_read(tmp_path: Path) -> None:
    banned, quiet = harmless()
    with world(tmp_path, f"sqlite:///{tmp_path / 'world.db'}", threads=1) as place:
        entry, _ = bank(place, tmp_path, banned)
        damaged_index(place, entry)
        before = [*send(place, banned, 3), *send(place, quiet, 3)]
        with slow_lane(place, "lane"):
            place.until_judged(before)
            assert place.check_promises(before) == {"held": 6}
            for screening in screened(place, before):
                failures = {one.signal: one.reason for one in screening.results if isinstance(one, SignalFailure)}
                assert failures["image_match"] is FailureReason.BANKS_UNAVAILABLE
                assert screening.judgement.queue == "signal-failure"
            assert "index_file_corrupt" in place.log.read_text()

            (place.settings.home / RELEASE).touch()
            time.sleep(1.0)
            [rejected], [published] = send(place, banned), send(place, quiet)
            place.until_judged([rejected, published])
            states = {post.id: post.state for post in place.posts.many([rejected, published]).values()}
            assert states == {rejected: PostState.REJECTED, published: PostState.PUBLISHED}
            assert "banks_rebuilt" in place.log.read_text()
