import pytest

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.options import EngineOptions


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"max_batch": 0}, {"wait_ms": -1.0}, {"memory_mb": 0}, {"call_seconds": 0.0}]
)
def test_a_number_outside_its_range_is_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        EngineOptions(**wrong)  # type: ignore[arg-type]


def test_not_a_number_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        EngineOptions(wait_ms=float("nan"))
