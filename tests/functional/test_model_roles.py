"""Lanes that run while the model behind a signal is tried, promoted and rolled back, and while they are killed."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from datasets.samples import sample_posts
from moderation.assembly import now
from moderation.bench.processes import environment
from moderation.cli.bank_pictures import bare_drafts
from moderation.domain.bank import Bank, BankEffect
from moderation.domain.ids import PostId
from moderation.domain.media import ImageFacts
from moderation.domain.model_role import ModelPin
from moderation.domain.post import PENDING
from moderation.domain.signal import Score
from moderation.domain.verdict import Screening, Verdict
from moderation.settings import load_settings
from moderation.storage.banks import BankStore
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.picture_features import PictureFeatureStore
from moderation.storage.screenings import ScreeningStore
from moderation.storage.shadow_results import ShadowStore
from tests.functional import tried_lane
from tests.functional.test_reload import verdict_on
from tests.functional.world import World, kill, world

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]
SLOT = "image_nsfw"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long])])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'world.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    models = tried_lane.prepare(load_settings().models.resolve(), tmp_path / "models")
    with world(tmp_path, url, models_dir=models, threads=1) as found:
        yield found


@contextmanager
def lane(place: World, name: str, *, module: str = "tried_lane") -> Iterator[subprocess.Popen[bytes]]:
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.functional.{module}", name],
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
            process.kill()
            process.wait()


@pytest.fixture
def second(place: World) -> ModelPin:
    return ModelPin(tried_lane.SECOND, tried_lane.entry(place.settings.models).digest)


def screenings(place: World, ids: Sequence[PostId]) -> list[Screening]:
    store = ScreeningStore(place.database)
    return [one for post_id in ids for one in store.history(post_id)]


def pinned(one: Screening) -> str:
    """Which of the two models a verdict pins; it must be one of them."""
    (name,) = {"opennsfw", tried_lane.SECOND} & set(one.pins.models)
    return name


def test_a_promotion_reaches_a_running_lane_between_two_batches(place: World, second: ModelPin) -> None:
    roles, shadow = ModelRoleStore(place.database), ShadowStore(place.database)
    with lane(place, "lane"):
        first = place.accept(24)
        place.until_judged(first)
        assert {pinned(one) for one in screenings(place, first)} == {"opennsfw"}
        decoded = [one for one in screenings(place, first) if isinstance(one.image, ImageFacts)]
        assert PictureFeatureStore(place.database).count() == len(decoded) > 0

        roles.name_candidate(SLOT, second, by="test", now=now())
        tried = some_more(place, 24)
        place.until(lambda: shadow.measured(SLOT, second.digest) > 0, "the candidate measured something")
        assert {pinned(one) for one in screenings(place, tried)} == {"opennsfw"}
        for pair in (pair for page in shadow.pairs(SLOT, second.digest, None) for pair in page):
            live = next(result for result in pair.live if result.signal == SLOT)
            assert isinstance(live, Score)
            assert isinstance(pair.candidate.result, Score)
            assert pair.candidate.result.values[SLOT] == pytest.approx(live.values[SLOT], abs=1e-3)

        during = some_more(place, 60, wait=False)
        place.until(lambda: begun(place, during), "the lane works on them")
        roles.promote(SLOT, second, at_least=1, by="test", now=now(), note="")
        place.until_judged(during)
        after = some_more(place, 8)
        assert {pinned(one) for one in screenings(place, after)} == {tried_lane.SECOND}
        assert all(one.pins.models[tried_lane.SECOND] == second.digest for one in screenings(place, after))
        check_batches(screenings(place, during))

        roles.rollback(SLOT, by="test", now=now())
        assert {pinned(one) for one in screenings(place, some_more(place, 8))} == {"opennsfw"}


def some_more(place: World, count: int, *, wait: bool = True) -> list[PostId]:
    """New posts, whose keys nobody used."""
    ids = place.accept(count)
    if wait:
        place.until_judged(ids)
    return ids


def begun(place: World, ids: Sequence[PostId]) -> bool:
    return any(post.state not in PENDING for post in place.posts.many(ids).values())


def check_batches(found: Sequence[Screening]) -> None:
    """Posts of one batch, which end at one moment, pin the same model; once the second came, the first is gone."""
    batches: dict[object, set[str]] = {}
    for one in sorted(found, key=lambda one: one.finished_at):
        batches.setdefault(one.finished_at, set()).add(pinned(one))
    assert all(len(names) == 1 for names in batches.values())
    order = [name for names in batches.values() for name in names]
    assert order == sorted(order, key=[*("opennsfw", tried_lane.SECOND)].index)


def test_a_live_model_that_is_missing_holds_every_post(place: World, second: ModelPin) -> None:
    roles = ModelRoleStore(place.database)
    roles.name_candidate(SLOT, second, by="test", now=now())
    roles.promote(SLOT, second, at_least=0, by="test", now=now(), note="")
    data = (place.settings.models / tried_lane.SECOND / tried_lane.FILE).read_bytes()
    with lane(place, "lane"):
        (place.settings.models / tried_lane.SECOND / tried_lane.FILE).write_bytes(data)
        assert {one.judgement.verdict for one in screenings(place, some_more(place, 4))} != {Verdict.HOLD}
    third = ModelPin(tried_lane.SECOND, second.digest[::-1])  # type: ignore[arg-type]  # a digest that nothing has
    roles.name_candidate(SLOT, third, by="test", now=now())
    with lane(place, "next"):
        some_more(place, 4)
        roles.promote(SLOT, third, at_least=0, by="test", now=now(), note="")
        found = screenings(place, some_more(place, 6))
    assert {one.judgement.verdict for one in found} <= {Verdict.HOLD, Verdict.REJECT}
    assert all(any("image_nsfw: model_missing" in failure for failure in one.judgement.failures) for one in found)


@pytest.mark.long
def test_lanes_with_a_candidate_that_are_killed_lose_nothing(place: World, second: ModelPin) -> None:
    rng = random.Random(5)
    ModelRoleStore(place.database).name_candidate(SLOT, second, by="test", now=now())
    ids = place.accept(80)
    for number in range(3):
        with lane(place, f"victim-{number}") as process:
            time.sleep(rng.uniform(0.0, 0.8))
            kill(process)
    with lane(place, "survivor"):
        place.until_judged(ids)
    place.check_promises(ids)
    shadow = ShadowStore(place.database)
    found = [pair for page in shadow.pairs(SLOT, second.digest, None) for pair in page]
    assert len({pair.candidate.screening_id for pair in found}) == len(found) > 0


@pytest.mark.long
@pytest.mark.timeout(600)  # its child is started four times, and leaves the processor to everything else
def test_a_candidate_that_crashes_its_process_is_switched_off_and_harms_nobody(place: World, second: ModelPin) -> None:
    """Native code that crashes takes its own process along; the lane goes on, and no post is blamed."""
    roles, shadow = ModelRoleStore(place.database), ShadowStore(place.database)
    roles.name_candidate(SLOT, second, by="test", now=now())
    ids: list[PostId] = []
    with lane(place, "lane", module="crashing_lane") as process:
        end = time.monotonic() + 400
        while roles.of(SLOT).candidate is not None and time.monotonic() < end:
            ids += some_more(place, 4)
            time.sleep(2)
        assert roles.of(SLOT).candidate is None, place.log.read_text()[-4000:]
        ids += some_more(place, 8)
        assert process.poll() is None, "the lane is still the first one"
    place.check_promises(ids)
    found = screenings(place, ids)
    assert len(found) == len(ids), "one lane, which never ended, judged every post once"
    assert {pinned(one) for one in found} == {"opennsfw"}
    failures = {failure for one in found for failure in one.judgement.failures if SLOT in failure}
    assert failures <= {"image_nsfw: undecodable"}, "only pictures that are none"
    (change, *_) = roles.history(SLOT)
    assert (change.by, change.roles.candidate) == ("lane", None)
    assert "by signal 11" in change.note
    assert roles.given_up(now() - timedelta(hours=2), now()) == {SLOT: 1}
    assert shadow.measured(SLOT, second.digest) == 0
    assert "candidate_given_up" in place.log.read_text()


@pytest.mark.long
def test_a_picture_that_comes_again_after_its_rejection_is_similar_to_it(place: World, tmp_path: Path) -> None:
    image = next(sample.image for sample in sample_posts() if sample.expected is Verdict.APPROVE)
    path = tmp_path / "known.png"
    path.write_bytes(image)
    banks = BankStore(place.database)
    banks.create(Bank("BANNED", BankEffect.BLOCK), actor="test", now=now())
    [draft] = bare_drafts(place.settings, [str(path)])
    with lane(place, "lane"):
        assert verdict_on(place, image)[0] is Verdict.APPROVE
        entry = banks.add("BANNED", draft, actor="test", now=now())
        assert verdict_on(place, image)[0] is Verdict.REJECT
        banks.remove(entry.id, actor="test", now=now())
        time.sleep(1.5)
        verdict_on(place, image)
    first, rejected, again = sorted(place.posts.list(state=None, limit=3), key=lambda post: post.received_at)
    assert similarity(place, first.id) == (0.0, 0, "")
    assert similarity(place, again.id) == (pytest.approx(1.0), 1, rejected.id)


def similarity(place: World, post_id: PostId) -> tuple[object, object, object]:
    """What the screening says of the most similar rejected picture."""
    [one] = screenings(place, [post_id])
    (result,) = (result for result in one.results if result.signal == "image_similarity")
    assert isinstance(result, Score), result
    return result.values["image_rejected_similarity"], result.values["image_rejected_similar"], result.detail["nearest"]
