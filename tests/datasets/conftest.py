import pytest

from datasets.samples import SamplePost, sample_posts


@pytest.fixture(scope="session")
def samples() -> tuple[SamplePost, ...]:
    """Drawn once: it takes seconds."""
    return tuple(sample_posts())
