"""A place of its own for a benchmark: temporary home and database, the real model store, real posts."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.files import load
from datasets.samples import sample_posts
from moderation.assembly import blob_store, intake, now, open_database
from moderation.domain.post import Author
from moderation.domain.verdict import Verdict
from moderation.screening.intake import Submission
from moderation.settings import Settings
from moderation.storage.engine import Database


@contextmanager
def workspace(settings: Settings) -> Iterator[Settings]:
    """Settings whose home is temporary and whose models are the ones already pulled."""
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as folder:
        yield settings.model_copy(
            update={
                "home": Path(folder),
                "database_url": "",
                "blob_url": "",
                "models_dir": settings.models.resolve(),
                "lanes": 1,
                "lane_idle_seconds": 600.0,
                "deadline_seconds": 3600.0,
            }
        )


def submissions(count: int, images: Path | None) -> Iterator[Submission]:
    """`count` posts: the pictures of a folder, or the drawn samples that are meant to be approved, over and over."""
    found = (
        [(post.image, post.caption, post.prompt) for post in load(images)]
        if images
        else [(post.image, post.caption, post.prompt) for post in sample_posts() if post.expected is Verdict.APPROVE]
    )
    for number, (image, caption, prompt) in enumerate(itertools.islice(itertools.cycle(found), count)):
        yield Submission(image, caption, prompt, Author(f"author-{number}"))


def filled(settings: Settings, posts: Iterator[Submission]) -> Database:
    """A migrated database in which `posts` wait to be screened."""
    database = open_database(settings)
    database.migrate()
    door = intake(settings, database, blob_store(settings))
    for submission in posts:
        door.accept(submission, client="bench", idempotency_key=None, now=now())
    return database
