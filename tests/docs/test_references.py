"""What the documents name exists: files, links, commands and their options, settings, metrics."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from moderation.cli.app import app
from moderation.domain.ids import MessageId, PostId
from moderation.domain.outbox import Message
from moderation.screening.webhooks import body_of, headers_of, new_secret
from moderation.settings import PROJECT, Settings
from tests.docs.recipes import blocks

DOCUMENTS = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
BY_RECIPE = {
    "moderation/signals/caption_emphasis.py",
    "tests/signals/test_caption_emphasis.py",
    "moderation/signals/registry/example-safety.yaml",
}
PATH = re.compile(r"`((?:moderation|pipelines|review_ui|policies|datasets|docs|tests)/[\w./*-]+)`")
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[\w-]+)?\)")
COMMAND = re.compile(r"(?:^|`|\$ |/)(moderation [a-z][^`\n]*?)(?:`|$|  +#)", re.MULTILINE)
VARIABLE = re.compile(r"\bMODERATION_[A-Z_]+")
METRIC = re.compile(r"`(moderation_\w+)(?:\{|`)")


def name(document: Path) -> str:
    return str(document.relative_to(PROJECT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_files_and_links_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    linked = {(document.parent / target).resolve() for target in LINK.findall(text)}
    named = {PROJECT / path for path in PATH.findall(text) if path not in BY_RECIPE and "NAME" not in path}
    missing = [path for path in linked | named if not exists(path)]
    assert missing == []


def exists(path: Path) -> bool:
    return any(PROJECT.glob(str(path.relative_to(PROJECT)))) if "*" in str(path) else path.exists()


def commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for command in COMMAND.findall(document.read_text(encoding="utf-8")):
            yield name(document), command.strip()


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())), ids=lambda value: value)
def test_commands_and_their_options_exist(document: str, command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    found: Any = typer.main.get_command(app)
    while hasattr(found, "commands") and words and not words[0].startswith("-"):
        word = words.pop(0)
        assert word in found.commands, f"{document}: there is no command {word!r}"
        found = found.commands[word]
    options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word not in options]
    assert unknown == []


def test_there_are_commands_to_check() -> None:
    assert len(set(commands())) > 20


def test_every_setting_is_documented_with_its_default() -> None:
    table = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `MODERATION_(\w+)` \| (.*?) \|", table, re.MULTILINE))
    assert set(rows) == {field.upper() for field in Settings.model_fields}
    for field, info in Settings.model_fields.items():
        if isinstance(info.default, bool | int | float):
            shown = str(info.default).lower() if isinstance(info.default, bool) else f"{info.default:g}"
            stated = rows[field.upper()].strip("`")
            assert stated == shown or float(stated) == info.default, field


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_variables_are_settings(document: Path) -> None:
    known = {f"MODERATION_{field.upper()}" for field in Settings.model_fields}
    assert set(VARIABLE.findall(document.read_text(encoding="utf-8"))) - known == set()


def test_metrics_are_exported() -> None:
    source = "".join((PROJECT / "review_ui" / file).read_text(encoding="utf-8") for file in ("metrics.py", "state.py"))
    named = set(METRIC.findall((PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")))
    assert len(named) > 8
    assert {metric for metric in named if f'"{metric}"' not in source} == set()


def test_the_signature_check_of_the_api_document() -> None:
    [snippet] = [block for block in blocks(PROJECT / "docs" / "api.md") if block.key == "check"]
    namespace: dict[str, object] = {}
    exec(snippet.body, namespace)
    is_genuine = namespace["is_genuine"]
    assert callable(is_genuine)
    now, secret = datetime.now(UTC), new_secret()
    message = Message(MessageId("m1"), "post.held", PostId("p1"), {"reason": "x"}, now)
    body = body_of(message)
    headers = headers_of(message, body, secret=secret, now=now)
    assert is_genuine(secret, headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine(new_secret(), headers, body)
    assert not is_genuine(secret, headers_of(message, body, secret=secret, now=now - timedelta(hours=1)), body)
