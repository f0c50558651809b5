from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.cli.app import app


@pytest.mark.parametrize("name", ["hash", "screen", "latency", "review", "robustness", "signals"])
def test_every_measurement_has_an_example(name: str) -> None:
    done = CliRunner().invoke(app, ["bench", name, "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output


def test_a_plot_of_another_kind_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    for name in ("hash", "robustness", "signals"):
        done = CliRunner().invoke(app, ["bench", name, "--plot", str(tmp_path / "x.png")])
        assert done.exit_code != 0
        assert ".html" in str(done.exception or done.output)
