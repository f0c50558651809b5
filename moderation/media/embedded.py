"""What else a file is: archives, pages and programs that ride in an image file, by their signatures."""

import re

from moderation.domain.media import EmbeddedFile
from moderation.media.carried import Carried

ZIP_END = b"PK\x05\x06"
"""The end of a ZIP's directory (APPNOTE 6.3.10, section 4.3.16): readers look for it from the file's end."""
ZIP_END_BYTES = 22
ZIP_SEARCHED = 65_535 + ZIP_END_BYTES
ZIP_ENTRY = b"PK\x01\x02"
UNMISTAKABLE = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00")
"""So long that pixels do not have them by chance: looked for wherever a walk gave up."""
ARCHIVES = (*UNMISTAKABLE, b"PK\x03\x04")
STARTS_OF_ARCHIVES = (b"\x1f\x8b\x08", b"BZh")
STARTS_OF_PROGRAMS = (b"MZ", b"\x7fELF", b"#!/", b"\xca\xfe\xba\xbe")
SEARCHED_BYTES = 256 * 1024
"""Of what follows the image, how much is searched for marks of pages and programs."""
LEAST_UNKNOWN_BYTES = 16
"""Less than this after the image's end is a sloppy writer."""
_PAGE = re.compile(rb"<!doctype html|<html|<script|<svg|<iframe|%PDF-", re.IGNORECASE)
_PROGRAM = re.compile(rb"<\?php|<%@? ?page|powershell|eval\(", re.IGNORECASE)


def embedded_file(data: bytes, carried: Carried, trailing: bytes) -> EmbeddedFile:
    """The most telling of what rides in `data`, whose image has ended before `trailing`."""
    searched = (data[carried.end :], UNMISTAKABLE) if carried.broken else (trailing, ARCHIVES)
    if _is_zip(data) or _has(*searched) or trailing.startswith(STARTS_OF_ARCHIVES):
        return EmbeddedFile.ARCHIVE
    read = trailing[:SEARCHED_BYTES]
    texts = b"\n".join(text.encode("utf-8", "replace") for _, text in carried.texts)
    if read.startswith(STARTS_OF_PROGRAMS) or _PROGRAM.search(read) or b"<?php" in texts:
        return EmbeddedFile.PROGRAM
    if _PAGE.search(read) or b"<script" in texts.lower():
        return EmbeddedFile.DOCUMENT
    if b"ftyp" in trailing[:8]:
        return EmbeddedFile.VIDEO
    return EmbeddedFile.UNKNOWN if len(trailing) >= LEAST_UNKNOWN_BYTES else EmbeddedFile.NONE


def _has(searched: bytes, marks: tuple[bytes, ...]) -> bool:
    return any(mark in searched for mark in marks)


def _is_zip(data: bytes) -> bool:
    """Whether a ZIP reader would open the file: a directory's end, whose directory starts with an entry."""
    at = data.rfind(ZIP_END, max(0, len(data) - ZIP_SEARCHED))
    if at < 0 or at + ZIP_END_BYTES > len(data):
        return False
    length = int.from_bytes(data[at + 12 : at + 16], "little")
    return 0 < length <= at and data[at - length : at - length + 4] == ZIP_ENTRY
