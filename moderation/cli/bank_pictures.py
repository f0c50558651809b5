"""Pictures and hashes that are named on the command line, as drafts of bank entries."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from moderation.assembly import decoder
from moderation.domain.bank import MIN_QUALITY, EntryDraft
from moderation.domain.errors import InvalidInputError
from moderation.domain.media import Refusal
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.matching.hashes.pdq import from_hex, to_hex
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Picture
from moderation.settings import Settings


def bare_drafts(
    settings: Settings, pictures: Sequence[str], *, typed_quality: int = 100, min_quality: int = MIN_QUALITY
) -> list[EntryDraft]:
    """A draft with hashes and keypoints for every frame of each picture, in order; without words.

    What names no file is a PDQ hash, of quality `typed_quality`. Raises `InvalidInputError` for what is neither, and
    for a picture that cannot be decoded or has no frame of `min_quality`.
    """
    return list(_drafts(settings, pictures, typed_quality, min_quality))


def check_named(pictures: Sequence[str]) -> None:
    """Raise `InvalidInputError` for what is neither a file nor a PDQ hash, before anything is decoded."""
    for picture in pictures:
        if not is_file(picture):
            from_hex(picture)


def is_file(picture: str) -> bool:
    """Whether it names something on the disk; what is too long for a name does not."""
    try:
        return Path(picture).exists()
    except OSError:
        return False


def decoded(decoding: DecoderProcess, picture: str) -> Picture:
    """The picture in a file. Raises `InvalidInputError` when it cannot be read or decoded."""
    try:
        image = Path(picture).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{picture} cannot be read: {error.strerror}.") from error
    found = decoding.decode([image])[0]
    if isinstance(found, Refusal):
        raise InvalidInputError(f"{picture} cannot be decoded: {found.reason} {found.detail}".rstrip() + ".")
    return found


def _drafts(settings: Settings, pictures: Sequence[str], typed_quality: int, min_quality: int) -> Iterator[EntryDraft]:
    with decoder(settings) as decoding:
        for picture in pictures:
            if not is_file(picture):
                yield EntryDraft(to_hex(from_hex(picture)), typed_quality)
                continue
            try:
                yield from drafts_of(decoded(decoding, picture), min_quality=min_quality)
            except InvalidInputError as error:
                raise InvalidInputError(f"{picture}: {error.message}", hint=error.hint) from error
