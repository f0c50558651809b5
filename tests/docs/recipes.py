"""Reads the fenced blocks of a recipe and does to a copy of the repository what they tell the reader to do."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^```(?P<language>\w+)(?: (?P<key>[\w-]+)=(?P<value>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `key` says what its text is for ("" for nothing but reading), `value` where it goes."""

    language: str
    key: str
    value: str
    body: str


def blocks(document: Path) -> list[Block]:
    found = FENCE.finditer(document.read_text(encoding="utf-8"))
    return [Block(m["language"], m["key"] or "", m["value"] or "", m["body"]) for m in found]


def follow(block: Block, root: Path) -> None:
    """Carry out one block in the copy at `root`."""
    target = root / block.value
    if block.key == "file" and block.language == "diff":
        target.write_text(patched(target.read_text(encoding="utf-8"), block.body), encoding="utf-8")
    elif block.key == "file":
        assert not target.exists(), f"{block.value} exists already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.body, encoding="utf-8")
    elif block.key == "add-to":
        target.write_text(target.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + block.body, encoding="utf-8")
    elif block.key == "replace-in":
        target.write_text(replaced(target.read_text(encoding="utf-8"), block.body), encoding="utf-8")


def patched(text: str, diff: str) -> str:
    """`text` with the lines of a diff without line numbers; its old lines must stand there exactly once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"found {text.count(old)} times:\n{old}"
    return text.replace(old, new)


def replaced(text: str, line: str) -> str:
    """`text` with its last line of the same key replaced; a line that names the recipe's rule goes before others."""
    key = line.split(":", 1)[0] + ":"
    lines = text.splitlines(keepends=True)
    candidates = [number for number, old in enumerate(lines) if old.startswith(key)]
    named = [number for number in candidates if "new_account_contacts" in lines[number]]
    lines[(named or candidates)[-1]] = line
    return "".join(lines)
