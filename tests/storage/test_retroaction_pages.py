"""Sweeps a page at a time, on both databases."""

import pytest

from moderation.domain.errors import InvalidInputError
from moderation.domain.retroaction import Result, Sweep, SweepTerms
from moderation.storage.engine import Database
from moderation.storage.retroaction_pages import SweepPages
from moderation.storage.review.cursors import write_cursor
from tests.factories import after
from tests.screening.sweeping import Scene
from tests.storage.review.picture_rows import a_pdq


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


@pytest.fixture
def pages(database: Database) -> SweepPages:
    return SweepPages(database)


def made(scene: Scene, at: float) -> Sweep:
    return scene.sweeps.create(scene.cause(), SweepTerms(), by="test", now=after(at))


def test_sweeps_come_newest_first_and_each_once(scene: Scene, pages: SweepPages) -> None:
    sweeps = [made(scene, at) for at in (1000, 1000, 1001, 1002, 1002)]
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = pages.newest(cursor=cursor, limit=2)
        found += [sweep.id for sweep in page.sweeps]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert found == [one.id for one in sorted(sweeps, key=lambda one: (one.created_at, one.id), reverse=True)]
    assert pages.newest(cursor=None, limit=5).next_cursor is None
    assert list(pages.newest(cursor=None, limit=5).sweeps) == scene.sweeps.newest(5)


def test_touched_posts_come_newest_first_and_each_once(scene: Scene, pages: SweepPages) -> None:
    posts = [scene.published(a_pdq(1, flipped=number), at=number * 2) for number in range(5)]
    scene.bank(a_pdq(1))
    sweep, other = scene.sweep(withdraw=True), scene.sweep(withdraw=True)
    found: list[tuple[str, Result]] = []
    cursor: str | None = None
    while True:
        page = pages.touched(sweep, cursor=cursor, limit=2)
        found += [(one.post_id, one.result) for one in page.posts]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert sorted(found) == sorted((post, Result.WITHDRAW) for post in posts)
    assert [post for post, _ in found] == [post for post, _, _ in scene.sweeps.results(sweep, limit=10)]
    assert pages.touched(other, cursor=None, limit=2).posts == (), "what it left alone is not touched"
    assert pages.touched("nobody", cursor=None, limit=2).posts == ()


def test_the_change_before_a_moment(scene: Scene, pages: SweepPages) -> None:
    before = int(scene.banks.checkpoint())
    scene.bank(a_pdq(1), at=500)
    scene.bank(a_pdq(2), at=600)
    assert pages.change_before(after(-1)) == 0
    assert pages.change_before(after(500)) == before
    assert pages.change_before(after(550)) == before + 1
    assert pages.change_before(after(601)) == before + 2


@pytest.mark.parametrize("cursor", ["", "x", write_cursor("other", 1), write_cursor("swept", "x"), "a" * 900])
def test_a_cursor_of_another_list_is_refused(scene: Scene, pages: SweepPages, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        pages.newest(cursor=cursor, limit=2)
    with pytest.raises(InvalidInputError):
        pages.touched("nobody", cursor=cursor, limit=2)


@pytest.mark.parametrize("limit", [0, 201])
def test_a_page_is_bounded(pages: SweepPages, limit: int) -> None:
    with pytest.raises(InvalidInputError):
        pages.newest(cursor=None, limit=limit)
    with pytest.raises(InvalidInputError):
        pages.touched("nobody", cursor=None, limit=limit)
