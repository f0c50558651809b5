"""The text of policy errors is a user interface: every one is a file.

With `MODERATION_WRITE_EXPECTED=1` the test writes the files anew; read the difference before committing it.
"""

import os
from pathlib import Path

import pytest

from moderation.domain.errors import PolicyError
from moderation.policy.compile import compile_policy
from tests.policy.signals import SPECS

FOLDER = Path(__file__).parent / "errors"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_problem_is_shown_at_its_place_with_a_hint(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    expected = FOLDER / f"{name}.txt"

    with pytest.raises(PolicyError) as caught:
        compile_policy(text, SPECS, source=f"{name}.yaml")

    if os.environ.get("MODERATION_WRITE_EXPECTED"):
        expected.write_text(caught.value.message + "\n", encoding="utf-8")
    assert caught.value.message + "\n" == expected.read_text(encoding="utf-8")


def test_there_are_examples_of_every_kind() -> None:
    assert len(NAMES) >= 10
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(NAMES)
