import json
from pathlib import Path

import pytest

from datasets.files import UNKNOWN_AUTHOR, load, scan
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.post import Author


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.PNG", "a.jpg", "deep/c.webp", "notes.md"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_yields_its_images_in_order_of_their_paths(folder: Path) -> None:
    posts = list(load(folder))
    assert [post.name for post in posts] == ["a.jpg", "b.PNG", "deep/c.webp"]
    assert [post.image for post in posts] == [b"a.jpg", b"b.PNG", b"deep/c.webp"]
    assert {post.author for post in posts} == {Author(UNKNOWN_AUTHOR)}


def test_one_image_is_one_post(folder: Path) -> None:
    assert [post.image for post in load(folder / "a.jpg")] == [b"a.jpg"]


def test_jsonl_keeps_order_text_and_author(folder: Path) -> None:
    rows = [
        {"image": "deep/c.webp", "caption": "Grüße", "prompt": "p", "author": "ada"},
        {"image": "a.jpg", "author": {"id": "bo", "account_age_days": 3, "published_posts": 0}},
    ]
    source = write(folder, "posts.jsonl", "\n\n".join(json.dumps(row) for row in rows))
    first, second = load(source)
    assert (first.caption, first.prompt, first.author) == ("Grüße", "p", Author("ada"))
    assert (second.caption, second.image, second.author) == ("", b"a.jpg", Author("bo", 3.0, 0))


def test_csv_may_have_line_breaks_inside_quotes_and_a_byte_order_mark(folder: Path) -> None:
    text = '\ufeffimage,caption,prompt,author\na.jpg,"two\nlines",p,ada\nb.PNG,,,\n'
    first, second = load(write(folder, "posts.csv", text))
    assert (first.caption, first.author) == ("two\nlines", Author("ada"))
    assert (second.caption, second.author) == ("", Author(UNKNOWN_AUTHOR))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("p.jsonl", '{"image": "a.jpg"}\n{"image": ', "p.jsonl:2: not JSON"),
        ("p.jsonl", "[1]", "p.jsonl:1: not a JSON object"),
        ("p.jsonl", '{"caption": "x"}', "p.jsonl:1: no image"),
        ("p.jsonl", '{"image": "a.jpg", "captoin": "x"}', "p.jsonl:1: unknown field captoin"),
        ("p.jsonl", '{"image": "a.jpg", "caption": 3}', "p.jsonl:1: caption is not text"),
        ("p.jsonl", '{"image": "none.jpg"}', "none.jpg does not exist"),
        ("p.jsonl", '{"image": "a.jpg", "author": {"age": 3}}', "p.jsonl:1: author has the unknown field age"),
        ("p.jsonl", '{"image": "a.jpg", "author": {"account_age_days": "3"}}', "account_age_days is not a number"),
        ("p.jsonl", '{"image": "a.jpg", "author": {"published_posts": true}}', "published_posts is not a whole number"),
        ("p.jsonl", "", "has no posts"),
        ("p.csv", "image,caption\na.jpg,x\nb.PNG,y,z\n", "p.csv:3: not as many values"),
        ("p.csv", "image,caption\na.jpg\n", "p.csv:2: not as many values"),
        ("p.csv", 'image,caption\na.jpg,"x\n', "not CSV"),
        ("p.txt", "a.jpg", "neither a folder nor"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(folder: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scan(write(folder, name, text))
    assert problem in caught.value.message


def test_every_row_is_checked_before_the_first_post(folder: Path) -> None:
    source = write(folder, "posts.jsonl", '{"image": "a.jpg"}\n{}')
    with pytest.raises(InvalidInputError):
        load(source)


def test_text_that_is_not_utf8_is_refused(folder: Path) -> None:
    source = folder / "posts.csv"
    source.write_bytes(b"image,caption\na.jpg,\xff\n")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        scan(source)


def test_what_does_not_exist_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        load(tmp_path / "none")


def test_an_image_that_went_away_is_not_found(folder: Path) -> None:
    posts = load(folder)
    (folder / "a.jpg").unlink()
    with pytest.raises(NotFoundError):
        next(posts)
