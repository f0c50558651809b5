import base64
import json

import pytest

from moderation.domain.errors import InvalidInputError
from moderation.domain.post import Author
from moderation.screening.intake import Submission
from review_ui.body import JSON, MULTIPART
from review_ui.problem import FieldsError
from review_ui.submission import read_submission
from tests.review_ui.test_forms import END, TYPE, part

IMAGE = b"\x89PNG picture"
WHOLE = {
    "image": base64.b64encode(IMAGE).decode(),
    "caption": "A lake",
    "prompt": "lake, oil",
    "author": {"id": "author-1", "account_age_days": 12.5, "published_posts": 3},
}
EXPECTED = Submission(IMAGE, "A lake", "lake, oil", Author("author-1", 12.5, 3))


def from_json(**changes: object) -> Submission:
    return read_submission(JSON, JSON, json.dumps(WHOLE | changes).encode())


def from_form(*parts: bytes) -> Submission:
    return read_submission(MULTIPART, TYPE, b"".join(parts) + END)


def test_both_forms_give_the_same_post() -> None:
    form = from_form(
        part("image", IMAGE, '; filename="x.png"\r\nContent-Type: text/html'),
        part("caption", b"A lake"),
        part("prompt", b"lake, oil"),
        part("author", b"author-1"),
        part("account_age_days", b"12.5"),
        part("published_posts", b"3"),
    )
    assert form == EXPECTED
    assert from_json() == EXPECTED


def test_what_is_not_said_of_the_author_stays_unknown() -> None:
    expected = Submission(IMAGE, "", "", Author("author-1", None, None))
    assert from_form(part("image", IMAGE), part("author", b"author-1")) == expected
    body = json.dumps({"image": WHOLE["image"], "author": {"id": "author-1"}}).encode()
    assert read_submission(JSON, JSON, body) == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"caption": 5}, "caption"),
        ({"captoin": "typo"}, "captoin"),
        ({"author": None}, "author"),
        ({"author": {"id": "a", "account_age_days": -1}}, "author.account_age_days"),
        ({"author": {"id": "a", "published_posts": 1.5}}, "author.published_posts"),
        ({"author": {"id": "a", "published_posts": 10**400}}, "author.published_posts"),
    ],
)
def test_each_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(FieldsError) as caught:
        from_json(**changes)
    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize("image", ["not base64!", "QUJ", "QUJD\n", "ÄÖ"])
def test_base64_is_strict(image: str) -> None:
    with pytest.raises(InvalidInputError, match="base64"):
        from_json(image=image)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"image": NaN}',
        b'{"caption": "a", "caption": "b"}',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"\\ud800": 1}',
        b'{"image": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_not_a_post_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_submission(JSON, JSON, body)


def test_a_caption_in_another_encoding_is_refused_and_never_guessed() -> None:
    with pytest.raises(InvalidInputError, match="UTF-8"):
        from_form(part("image", IMAGE), part("author", b"a"), part("caption", "Grüße".encode("latin-1")))
