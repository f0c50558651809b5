from pathlib import Path

import pytest

from datasets.samples import SamplePost
from moderation.cli.up import sources
from moderation.cli.up.outcomes import NO_RULE, Outcome
from moderation.cli.up.sources import Files, Nothing, Samples
from moderation.domain.errors import NotFoundError
from moderation.domain.post import Author, PostState
from moderation.domain.verdict import Verdict
from tests.factories import a_post

SAMPLES = [
    SamplePost("lake", b"1", "a lake", "lake", Author("me"), Verdict.APPROVE),
    SamplePost("spam", b"2", "buy", "shop", Author("me"), Verdict.HOLD, "spam_text"),
]


def ended(state: PostState, rule: str) -> Outcome:
    return Outcome(a_post(state=state), rule, "", None, None, None)


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> Samples:
    monkeypatch.setattr(sources, "sample_posts", lambda: SAMPLES)
    made = Samples()
    assert made.total() is None
    made.begin()
    return made


def test_samples_are_sent_in_order(samples: Samples) -> None:
    assert [post.name for post in samples.posts()] == ["lake", "spam"]
    assert samples.total() == 2


def test_samples_that_end_as_expected(samples: Samples) -> None:
    found = [ended(PostState.PUBLISHED, NO_RULE), ended(PostState.HELD, "spam_text")]
    assert samples.remarks(["lake", "spam"], found) == ["2 of 2 ended as the samples expect under the shipped policy"]


def test_samples_that_do_not_are_named(samples: Samples) -> None:
    found = [ended(PostState.PUBLISHED, NO_RULE), ended(PostState.HELD, "scam_links")]
    remarks = samples.remarks(["lake", "spam"], found)
    assert remarks[0].startswith("1 of 2")
    assert remarks[1] == "spam: expected hold spam_text, got held scam_links"


def test_files_are_read_when_it_is_their_turn(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"first")
    (tmp_path / "b.png").write_bytes(b"second")
    source = Files(tmp_path)
    source.begin()
    assert source.total() == 2
    posts = iter(source.posts())
    assert next(iter(posts)).image == b"first"
    (tmp_path / "b.png").unlink()
    with pytest.raises(NotFoundError):
        next(iter(posts))


def test_nothing() -> None:
    source = Nothing()
    source.begin()
    assert (list(source.posts()), source.total(), source.remarks([], [])) == ([], 0, [])
