import pytest

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.options import Device, Precision
from moderation.signals.engine.peak import peak


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.INT8])
def test_a_machine_computes_something(precision: Precision) -> None:
    assert 1e8 < peak(precision, threads=1, seconds=0.05) < 1e15


@pytest.mark.parametrize(("precision", "device"), [(Precision.AUTO, Device.CPU), (Precision.INT8, Device.CUDA)])
def test_what_has_no_peak_is_refused(precision: Precision, device: Device) -> None:
    with pytest.raises(InvalidInputError):
        peak(precision, threads=1, device=device)
