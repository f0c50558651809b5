from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.post import Post, PostState
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.search import PostQuery, PostSearch
from tests.factories import NOW, a_digest, a_new_post, accept, after, an_author, judge_all


def add(database: Database, caption: str, *, at: float = 0, prompt: str = "", author: str = "author-1") -> Post:
    new = a_new_post(caption=caption, prompt=prompt, author=an_author(author), image=a_digest(caption))
    return accept(PostStore(database), new, now=after(at))


def captions(database: Database, query: PostQuery) -> list[str]:
    page = PostSearch(database).page(query, cursor=None, limit=50)
    return [item.post.caption for item in page.items]


def statements(database: Database, search: PostQuery) -> int:
    """How many statements one page takes."""
    seen: list[str] = []

    def count(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(database._engine, "before_cursor_execute", count)
    try:
        PostSearch(database).page(search, cursor=None, limit=50)
    finally:
        event.remove(database._engine, "before_cursor_execute", count)
    return len(seen)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lake", ["The lake again", "A quiet lake"]),
        ("LAKE", ["The lake again", "A quiet lake"]),
        ("lake quiet", ["A quiet lake"]),
        ('"quiet lake"', ["A quiet lake"]),
        ('"lake quiet"', []),
        ("lak", []),
        ("lak*", ["The lake again", "A quiet lake"]),
        ("lake -again", ["A quiet lake"]),
        ("watercolour", ["A quiet lake"]),
        ("example", ["Buy at free-money.example/now!"]),
        ("free money", ["Buy at free-money.example/now!"]),
        ("free-money.example", ["Buy at free-money.example/now!"]),
        ("café", ["Café at night"]),
        ("cafe", []),
        ("naïve OR 'x", []),
    ],
)
def test_words_find_captions_and_prompts_newest_first(database: Database, typed: str, expected: list[str]) -> None:
    add(database, "A quiet lake", prompt="watercolour, mist")
    add(database, "Buy at free-money.example/now!", at=1)
    add(database, "The lake again", at=2)
    add(database, "Café at night", at=3)
    assert captions(database, PostQuery(text=typed)) == expected


def test_filters_hold_together(database: Database) -> None:
    add(database, "one lake", author="a")
    add(database, "two lake", author="a", at=10)
    add(database, "three lake", author="b", at=20)
    assert captions(database, PostQuery(author="a")) == ["two lake", "one lake"]
    assert captions(database, PostQuery(author="a", text="lake", since=after(10))) == ["two lake"]
    assert captions(database, PostQuery(text="lake", until=after(10))) == ["one lake"]
    assert captions(database, PostQuery(since=after(10), until=after(20))) == ["two lake"]
    assert captions(database, PostQuery(digest=a_digest("three lake")[:12].upper())) == ["three lake"]
    assert captions(database, PostQuery(digest=a_digest("three lake"), author="a")) == []


def test_the_state_is_a_filter_with_and_without_words(database: Database) -> None:
    add(database, "held lake")
    judge_all(PostStore(database), Verdict.HOLD)
    add(database, "new lake", at=1)
    assert captions(database, PostQuery(state=PostState.HELD)) == ["held lake"]
    assert captions(database, PostQuery(state=PostState.RECEIVED, text="lake")) == ["new lake"]


def test_what_judged_a_post_comes_with_it(database: Database) -> None:
    held = add(database, "held")
    judge_all(PostStore(database), Verdict.HOLD)
    new = add(database, "new", at=1)
    found = PostSearch(database).named([held.id, PostId("nothing"), new.id])
    assert [item.post.id for item in found] == [held.id, new.id]
    assert found[0].standing.queues == {"adult"}
    assert found[0].standing.categories == {"adult"}
    assert not found[1].standing.queues


@pytest.mark.parametrize("text", ["", "lake"])
def test_pages_follow_each_other_without_gaps_also_within_one_moment(database: Database, text: str) -> None:
    made = [add(database, f"lake {number}", at=number // 3) for number in range(8)]
    search, seen = PostSearch(database), list[str]()
    cursor: str | None = None
    for _ in range(10):
        page = search.page(PostQuery(text=text), cursor=cursor, limit=3)
        seen.extend(item.post.id for item in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(post.id for post in made)
    assert len(set(seen)) == len(made)


@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "bnVsbA", "WyJmZWVkIiwxXQ", "WyJwb3N0cyIsIm5vdyIsImEiXQ", "é" * 10]
)
def test_a_made_up_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        PostSearch(database).page(PostQuery(), cursor=cursor, limit=3)
    with pytest.raises(InvalidInputError):
        PostSearch(database).page(PostQuery(text="lake"), cursor=cursor, limit=3)


@pytest.mark.parametrize("digest", ["abc", "z" * 12, "a" * 65, "a%b_cdef12"])
def test_a_digest_that_cannot_be_one_is_refused(database: Database, digest: str) -> None:
    with pytest.raises(InvalidInputError, match="hexadecimal"):
        PostSearch(database).page(PostQuery(digest=digest), cursor=None, limit=3)


def test_the_statements_of_a_page_do_not_grow_with_its_rows(database: Database) -> None:
    add(database, "lake 0")
    few = statements(database, PostQuery(text="lake")), statements(database, PostQuery())
    for number in range(1, 12):
        add(database, f"lake {number}", at=number)
    judge_all(PostStore(database), Verdict.HOLD, now=NOW + timedelta(seconds=20))
    assert (statements(database, PostQuery(text="lake")), statements(database, PostQuery())) == few


def test_sqlite_indexes_every_post_once(sqlite_database: Database) -> None:
    add(sqlite_database, "lake")
    with sqlite_database.read() as connection:
        rows = connection.exec_driver_sql("SELECT caption FROM post_words").all()
    assert [row[0] for row in rows] == ["lake"]


def test_a_text_longer_than_the_index_holds_is_accepted(database: Database) -> None:
    words = " ".join(f"w{number:x}" for number in range(40_000))
    post = accept(PostStore(database), replace(a_new_post(), prompt=words))
    assert PostSearch(database).named([post.id])[0].post.prompt == words
