"""What people read of a signal is a user interface: every rendering is a file.

With `MODERATION_WRITE_EXPECTED=1` the tests write the files anew; read the difference before committing it.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from moderation.assembly import signal_specs
from moderation.cli.signal_cards import Surroundings, card, document, listing
from moderation.domain.signal import Column, ColumnKind, SignalSpec, Surface
from moderation.policy.compile import compile_policy
from moderation.settings import load_settings
from moderation.signals.engine.options import Device, EngineOptions
from moderation.signals.registry import registry
from tests.cli.conftest import Run

FOLDER = Path(__file__).parent / "signals"
PLAIN = SignalSpec(
    "caption_tone",
    "3",
    Surface.CAPTION,
    "How a caption sounds.",
    (
        Column("caption_tone", ColumnKind.TEXT, "The tone", choices=("warm", "cold")),
        Column("caption_length", ColumnKind.INTEGER, "Characters", low=0, nullable=True),
    ),
    0.25,
)
FULL = SignalSpec(
    "picture_mood",
    "1",
    Surface.PICTURE_TEXT,
    "What the words in the picture make of it, with [brackets] that are no markup.",
    (
        Column("picture_mood", ColumnKind.FLOAT, "0 calm, 1 wild", 0.0, 1.0, recommended={"high precision": 0.9}),
        Column("picture_fear", ColumnKind.FLOAT, "Below zero is none", None, 5.0),
        Column("picture_loud", ColumnKind.BOOLEAN, "Whether it shouts"),
        Column("picture_style", ColumnKind.TEXT, "Any word"),
        Column("picture_kind", ColumnKind.TEXT, "Many", choices=tuple(f"kind {number}" for number in range(30))),
    ),
    40,
    time_limit_s=12.5,
    models=("opennsfw", "not-there"),
    recommended={"balanced": 0.5, "high recall": 0.1, "anything": 0.7},
    known_failures=("Irony.", "Words that nobody can read, of which there are many in pictures that were generated."),
    needs=("picture_text",),
    languages=("en", "de"),
)
POLICY = """
version: 1
name: feed
description: A policy for these tests.
thresholds:
  wild: {value: 0.8, why: Measured.}
rules:
  - {name: wild_picture, status: live, when: picture_mood >= wild AND picture_loud, verdict: hold, queue: a,
     category: spam, reason: It is wild., why: Wild.}
  - {name: cold_or_wild, status: live, when: caption_tone = 'cold' OR picture_mood > wild, verdict: hold, queue: a,
     category: spam, reason: It is cold., why: Cold.}
  - {name: watched, status: shadow, when: picture_mood > 0.1, verdict: hold, queue: a,
     category: spam, reason: It is watched., why: Watched.}
"""


def around(*, readable: bool = True) -> Surroundings:
    rules = compile_policy(POLICY, (PLAIN, FULL), source="feed.yaml").rules if readable else None
    options = EngineOptions(device=Device.CPU)
    return Surroundings({entry.name: entry for entry in registry()}, rules, options)


def rendered(shown: RenderableType) -> str:
    with io.StringIO() as out:
        Console(file=out, width=110, color_system=None, highlight=False).print(shown)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


RENDERINGS = {
    "listing": lambda: listing((PLAIN, FULL), around()),
    "plain": lambda: card(PLAIN, around()),
    "full": lambda: card(FULL, around()),
    "without_policy": lambda: card(PLAIN, around(readable=False)),
}


@pytest.mark.parametrize("name", sorted(RENDERINGS))
def test_what_people_read(name: str) -> None:
    expected = FOLDER / f"{name}.txt"
    text = rendered(RENDERINGS[name]())
    if os.environ.get("MODERATION_WRITE_EXPECTED"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_every_rendering_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(RENDERINGS)


def test_programs_read_the_same() -> None:
    found = document(FULL, around())
    assert found["models"] == [
        {"name": "opennsfw", "title": registry_title("opennsfw"), "licence": registry_licence("opennsfw")},
        {"name": "not-there", "title": None, "licence": None},
    ]
    columns = found["columns"]
    assert isinstance(columns, list)
    assert [column["live_rules"] for column in columns] == [
        ["wild_picture", "cold_or_wild"],
        [],
        ["wild_picture"],
        [],
        [],
    ]
    assert [column["recommended"] for column in columns] == [{"high precision": 0.9}, FULL.recommended, {}, {}, {}]
    assert document(PLAIN, around(readable=False))["policy_read"] is False


def registry_title(name: str) -> str:
    return next(entry.title for entry in registry() if entry.name == name)


def registry_licence(name: str) -> str:
    return next(entry.licence for entry in registry() if entry.name == name)


def test_every_signal_is_listed_and_described(run: Run) -> None:
    specs = signal_specs(load_settings())
    listed = run("signals", "list", "--json")
    assert listed.code == 0
    assert [signal["name"] for signal in listed.json["signals"]] == [spec.name for spec in specs]
    table = run("signals", "list").out
    for spec in specs:
        assert spec.name in table
        assert run("signals", "describe", spec.name, "--json").json["version"] == spec.version
        shown = run("signals", "describe", spec.name)
        assert shown.code == 0
        assert all(column.name[:20] in shown.out for column in spec.columns)


def test_a_column_leads_to_its_signal(run: Run) -> None:
    assert run("signals", "describe", "image_width", "--json").json["name"] == "image_facts"


def test_the_rules_in_force_are_named(run: Run) -> None:
    columns = run("signals", "describe", "image_nsfw", "--json").json["columns"]
    assert "adult_image" in columns[0]["live_rules"]
    assert "adult_combined" not in columns[0]["live_rules"]


def test_a_policy_that_cannot_be_read_hides_no_signal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "feed.yaml"
    broken.write_text("version: [", encoding="utf-8")
    monkeypatch.setenv("MODERATION_POLICY", str(broken))
    outcome = run("signals", "describe", "image_facts")
    assert outcome.code == 0
    assert "The policy cannot be read" in outcome.out
    monkeypatch.setenv("MODERATION_POLICY", str(tmp_path / "missing.yaml"))
    assert run("signals", "list").code == 0


def test_an_unknown_name_gets_a_hint(run: Run) -> None:
    outcome = run("signals", "describe", "image_nswf")
    assert outcome.code == 1
    assert "There is no signal image_nswf" in outcome.err
    assert 'did you mean "image_nsfw"?' in outcome.err


def test_no_model_runtime_is_loaded() -> None:
    script = (
        "import sys; from moderation.cli import main; sys.argv = ['moderation', 'signals', 'list']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'rapidocr', 'py3langid'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
