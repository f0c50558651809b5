"""The few EXIF fields that moderation asks for, read with Pillow from a block of bounded size."""

from dataclasses import dataclass

from PIL import Image
from PIL.ExifTags import IFD, Base

MAX_FIELD_CHARS = 4_000
MAX_DOCUMENT_CHARS = 128 * 1024
"""Of a document in a field: cut short, it could not be read."""
USER_COMMENT = 0x9286
LATITUDE, LONGITUDE = 2, 4
THUMBNAIL_AT, THUMBNAIL_BYTES = 0x0201, 0x0202
MAX_THUMBNAIL_BYTES = 64 * 1024
CHARSET_BYTES = 8
"""A user comment starts with the name of its character set (EXIF 2.32, section 4.6.5)."""


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """`texts` are description and comment, as they stand there; `documents` what a generator wrote into the camera's
    fields, by its key; `thumbnail` is a JPEG file or b"".
    """

    camera: str = ""
    software: str = ""
    texts: tuple[str, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()
    location: bool = False
    thumbnail: bytes = b""


def exif_facts(block: bytes) -> ExifFacts:
    """What the block says. Raises whatever Pillow raises for hostile ones."""
    exif = Image.Exif()
    exif.load(block)
    inner, place, second = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo), exif.get_ifd(IFD.IFD1)
    fields = [exif.get(Base.Make), exif.get(Base.Model)]
    documents = tuple(found for field in fields if (found := _document(field)))
    camera = " ".join(name for field in fields if not _document(field) and (name := _text(field)))
    description = _text(exif.get(Base.ImageDescription))
    comment = _comment(inner.get(USER_COMMENT) or exif.get(USER_COMMENT))
    return ExifFacts(
        camera=camera,
        software=_text(exif.get(Base.Software)),
        texts=tuple(text for text in (description, comment) if text),
        documents=documents,
        location=LATITUDE in place or LONGITUDE in place,
        thumbnail=_thumbnail(block, second.get(THUMBNAIL_AT), second.get(THUMBNAIL_BYTES)),
    )


def _text(value: object, most: int = MAX_FIELD_CHARS) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.split("\0", 1)[0].strip()[:most] if isinstance(value, str) else ""


def _document(value: object) -> tuple[str, str] | None:
    """Key and text of "prompt:{…}", which ComfyUI writes into the camera's fields of WebP files."""
    key, _, rest = _text(value, MAX_DOCUMENT_CHARS).partition(":")
    return (key.lower(), rest) if key.lower() in {"prompt", "workflow"} and rest.startswith("{") else None


def _comment(value: object) -> str:
    """A user comment in its character set; Unicode ones are UTF-16 in either byte order, whatever the block's is."""
    if not isinstance(value, bytes):
        return _text(value)
    charset, body = value[:CHARSET_BYTES].rstrip(b"\0 "), value[CHARSET_BYTES:]
    if charset != b"UNICODE":
        return _text(body if charset in {b"ASCII", b"JIS", b""} else value)
    body = body[: 2 * MAX_FIELD_CHARS]
    big, little = (body.decode(encoding, "replace") for encoding in ("utf-16-be", "utf-16-le"))
    return max((big, little), key=lambda text: sum(character.isascii() for character in text)).strip("\0 ")


def _thumbnail(block: bytes, at: object, length: object) -> bytes:
    if not isinstance(at, int) or not isinstance(length, int) or not 0 < length <= MAX_THUMBNAIL_BYTES or at < 0:
        return b""
    found = block[at : at + length]
    return found if found.startswith(b"\xff\xd8\xff") else b""
