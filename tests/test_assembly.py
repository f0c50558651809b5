"""What a lane does before its first claim."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from moderation import assembly
from moderation.domain.errors import UnavailableError
from moderation.matching.image_duplicate import ImageDuplicate
from moderation.matching.image_match import ImageMatch
from moderation.settings import Settings
from moderation.storage.engine import Database


def test_a_lane_has_read_the_feed_before_it_claims_a_post(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads(_: ImageDuplicate) -> None:
        raise UnavailableError("asked for the feed")

    monkeypatch.setattr(assembly, "served_signals", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(assembly, "shadows", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(assembly, "decoder", lambda _: nullcontext())
    monkeypatch.setattr(ImageMatch, "prepare", lambda _: None)
    monkeypatch.setattr(ImageDuplicate, "refresh", reads)
    database = Database.open(sqlite_url)
    try:
        with (
            pytest.raises(UnavailableError, match="asked for the feed"),
            assembly.screening_parts(Settings(home=tmp_path, database_url=sqlite_url), database),
        ):
            pass
    finally:
        database.close()
