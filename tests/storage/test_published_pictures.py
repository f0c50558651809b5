"""The feed's pictures, on both databases: whole at first, and then what came and went."""

import pytest

from moderation.domain.decision import Action
from moderation.domain.retroaction import Result
from moderation.domain.verdict import Verdict
from moderation.storage import published_pictures
from moderation.storage.engine import Database
from moderation.storage.published_pictures import PublishedPictureStore
from tests.factories import after
from tests.screening.sweeping import Scene
from tests.storage.review.office import UNDO
from tests.storage.review.picture_rows import a_pdq


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_only_what_is_published_is_there(scene: Scene) -> None:
    post = scene.published(a_pdq(1), author="ada")
    scene.judged(a_pdq(2), Verdict.HOLD, at=2)
    scene.judged(a_pdq(3), Verdict.REJECT, at=3)
    change = PublishedPictureStore(scene.database).changes(None, most=10)
    assert change.whole
    (picture,) = change.added
    assert (picture.post_id, picture.author_id, picture.published_at) == (post, "ada", after(1))
    assert picture.codes == (bytes.fromhex(a_pdq(1)),)


def test_frames_are_together_and_flat_ones_left_out(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), frames=[a_pdq(2)])
    scene.judged(a_pdq(3), quality=20, at=1)
    scene.office.publish(2)
    (picture,) = PublishedPictureStore(scene.database).changes(None, most=10).added
    assert (picture.post_id, len(picture.codes)) == (post, 2)


def test_the_newest_come_first_when_there_are_too_many(scene: Scene) -> None:
    posts = [scene.published(a_pdq(number), at=10 * number) for number in range(4)]
    change = PublishedPictureStore(scene.database).changes(None, most=2)
    assert [one.post_id for one in change.added] == [posts[3], posts[2]]


def test_what_comes_and_goes_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PublishedPictureStore(scene.database)
    first = scene.published(a_pdq(1))
    number = store.changes(None, most=10).number
    second = scene.published(a_pdq(2), at=10)
    change = store.changes(number, most=10)
    assert ([one.post_id for one in change.added], change.removed, change.whole) == ([second], (second,), False)
    scene.bank(a_pdq(1))
    assert scene.results(scene.sweep(withdraw=True)) == {Result.WITHDRAW: 1}
    gone = store.changes(change.number, most=10)
    assert (gone.added, gone.removed) == ((), (first,))
    assert store.changes(gone.number, most=10).removed == ()
    monkeypatch.setattr(published_pictures, "MAX_EVENTS", 1)
    assert store.changes(0, most=10).whole


def test_what_a_person_withdraws_is_told(scene: Scene) -> None:
    store = PublishedPictureStore(scene.database)
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.sweep()
    number = store.changes(None, most=10).number
    ada = scene.office.person("ada", queues=["known-images"])
    scene.office.decide(ada, scene.job(post).id, Action.REJECT, 1100)
    scene.office.settle(1100 + UNDO)
    change = store.changes(number, most=10)
    assert (change.added, change.removed) == ((), (post,))
