"""What the form of a sweep asks for, as it was typed, and the command that does the same."""

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import Digest
from moderation.domain.retroaction import DEFAULT_CAP, MAX_CAP, QUEUE, SweepTerms

MAX_DIGITS = 18
MAX_NAME_CHARS = 200
WHATS: Mapping[str, str] = {
    "bank": "Every entry of a bank",
    "entry": "One entry",
    "since": "Everything banked since a change",
    "policy": "A policy that was in force",
    "text": "A policy that I paste",
}
"""What a sweep is made for, as the form names it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of the form as they were typed, line ends apart. `what` is one of `WHATS`."""

    what: str = "bank"
    bank: str = ""
    entry: str = ""
    since: str = ""
    policy: str = ""
    text: str = ""
    first: str = ""
    last: str = ""
    withdraw: bool = False
    cap: str = str(DEFAULT_CAP)
    queue: str = QUEUE


def asked_in(fields: Mapping[str, str]) -> Asked:
    """What a form or an address asks for; `what` follows from the other fields where it is not said."""
    given = {
        name: fields.get(name, "").strip()[:MAX_NAME_CHARS]
        for name in ("what", "bank", "entry", "since", "policy", "first", "last", "cap", "queue")
    }
    if given["what"] not in WHATS:
        given["what"] = next((name for name in ("entry", "bank", "since", "policy") if given[name]), "bank")
    text = fields.get("text", "").replace("\r\n", "\n").replace("\r", "\n")
    given["cap"], given["queue"] = given["cap"] or str(DEFAULT_CAP), given["queue"] or QUEUE
    return Asked(**given, text=text, withdraw=fields.get("withdraw") == "yes")


def terms_of(asked: Asked) -> SweepTerms:
    """How the sweep acts. Raises `InvalidInputError`."""
    return SweepTerms(cap_of(asked.cap), asked.withdraw, asked.queue)


def cap_of(typed: str) -> int:
    """A cap as it was typed. Raises `InvalidInputError`."""
    if not (typed.isascii() and typed.isdigit()) or len(typed) > MAX_DIGITS or not 1 <= int(typed) <= MAX_CAP:
        raise InvalidInputError(f"A cap is a whole number from 1 to {MAX_CAP:,}.")
    return int(typed)


def digest_of(text: str) -> Digest:
    """The digest under which a policy's text is stored."""
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def command_of(asked: Asked) -> str:
    """The command that previews the same, without a limit of time."""
    said = {
        "bank": ["--bank", asked.bank],
        "entry": ["--entry", asked.entry],
        "since": ["--since", asked.since],
        "policy": ["--policy", "FILE"],
        "text": ["--policy", "FILE"],
    }[asked.what]
    parts = ["moderation", "retroaction", "preview", *said]
    parts += ["--from", asked.first] if asked.first else []
    parts += ["--to", asked.last] if asked.last else []
    parts += ["--withdraw"] if asked.withdraw else []
    return shlex.join(parts)
