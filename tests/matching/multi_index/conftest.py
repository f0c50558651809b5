from collections.abc import Iterator

import pytest

from moderation.matching.multi_index import compiled


@pytest.fixture(scope="class")
def never_flat() -> Iterator[None]:
    """Queries look into buckets, however few entries there are and however many of them the buckets hold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "FEW_CODES", 0)
        patch.setattr(compiled, "FLAT_SHARE", 1e9)
        yield
