"""What the CyberTipline answers, read without trusting it: a code, ids, and words that may repeat a credential."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.reporting.cybertip_validation import safe_root

SUCCESS = 0
NO_SUCH_REPORT = 5001
ALREADY_RETRACTED = 5101
ALREADY_FINISHED = 5102
SERVER_CODES = range(1000, 2000)
"""Faults on NCMEC's side: trying again later can help."""

MAX_WORDS = 300
_ID = re.compile(r"[A-Za-z0-9._-]{1,255}")


@dataclass(frozen=True, slots=True)
class Reply:
    """A `reportResponse` or `reportDoneResponse`. What it does not say is None or empty.

    `md5` is of the file as the service received it; `files` are the ids of a finished report's files.
    """

    code: int
    words: str = ""
    report_id: int | None = None
    file_id: str = ""
    md5: str = ""
    files: tuple[str, ...] = ()


def read_reply(body: bytes) -> Reply:
    """The reply in `body`. Raises `UnavailableError` for anything else: nobody knows then what was done."""
    try:
        root = safe_root(body)
    except InvalidInputError as error:
        raise UnavailableError(f"The CyberTipline's answer cannot be read. {error.message}") from None
    if root.tag not in {"reportResponse", "reportDoneResponse"}:
        raise UnavailableError("The CyberTipline's answer is not a reply of the reporting API.")
    report_id = root.findtext("reportId")
    return Reply(
        code=_number(root.findtext("responseCode")),
        words=root.findtext("responseDescription") or "",
        report_id=None if report_id is None else _number(report_id),
        file_id=_id(root.findtext("fileId")),
        md5=(root.findtext("hash") or "").strip().lower(),
        files=tuple(_id(element.text) for element in root.findall("files/fileId")),
    )


def without(secrets: Sequence[str], text: str) -> str:
    """A line of the server's words, with control characters and every secret taken out, cut to `MAX_WORDS`."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line[:MAX_WORDS]


def _number(text: str | None) -> int:
    digits = (text or "").strip()
    if not re.fullmatch(r"-?[0-9]{1,18}", digits, re.ASCII):
        raise UnavailableError("The CyberTipline's answer has no number where one belongs.")
    return int(digits)


def _id(text: str | None) -> str:
    identifier = (text or "").strip()
    if identifier and not _ID.fullmatch(identifier):
        raise UnavailableError("The CyberTipline's answer has a file id that cannot be one.")
    return identifier
