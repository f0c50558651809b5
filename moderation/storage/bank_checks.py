"""What a bank and an entry may hold. Error texts name no hash: hashes are secrets."""

from dataclasses import replace
from datetime import UTC, datetime

from moderation.domain.bank import MAX_DISTANCE_BITS, MAX_REVIEW_BITS, Bank, EntryAmendment, EntryDraft
from moderation.domain.errors import InvalidInputError

MAX_QUALITY = 100
MAX_NAME_CHARS = 100
MAX_SECONDARY_BITS = 16
MAX_WORD_CHARS = 200
"""Of a category, a source, and each name and value of a provenance."""
MAX_NOTE_CHARS = 2_000
MAX_PROVENANCE = 20
MAX_KEYPOINT_BYTES = 200_000
PDQ_CHARS = 64
SECONDARY_CHARS = 16
_HEX = frozenset("0123456789abcdef")


def check_bank(bank: Bank) -> None:
    """Raise `InvalidInputError` for a definition that no bank may have."""
    if not bank.name.isprintable() or bank.name != bank.name.strip() or not 0 < len(bank.name) <= MAX_NAME_CHARS:
        raise InvalidInputError(f"A bank's name has 1 to {MAX_NAME_CHARS} printable characters.")
    if not 0 <= bank.distance_bits <= MAX_DISTANCE_BITS:
        raise InvalidInputError(f"A bank's distance is 0 to {MAX_DISTANCE_BITS} bits.")
    if not bank.distance_bits <= bank.review_bits <= MAX_REVIEW_BITS:
        raise InvalidInputError(f"A bank's review distance is its distance or more, up to {MAX_REVIEW_BITS} bits.")
    if bank.secondary_bits is not None and not 0 <= bank.secondary_bits <= MAX_SECONDARY_BITS:
        raise InvalidInputError(f"A bank's secondary distance is 0 to {MAX_SECONDARY_BITS} bits, or none.")
    if not 0 <= bank.min_quality <= MAX_QUALITY:
        raise InvalidInputError(f"A bank's lowest quality is 0 to {MAX_QUALITY}.")


def checked(draft: EntryDraft) -> EntryDraft:
    """The draft with its hashes in lower case. Raises `InvalidInputError` for a wrong value."""
    draft = replace(draft, pdq=draft.pdq.lower(), phash=draft.phash.lower(), dhash=draft.dhash.lower())
    if len(draft.pdq) != PDQ_CHARS or not _HEX.issuperset(draft.pdq):
        raise InvalidInputError(f"A PDQ hash is {PDQ_CHARS} hexadecimal characters.")
    for name, value in (("pHash", draft.phash), ("dHash", draft.dhash)):
        if value and (len(value) != SECONDARY_CHARS or not _HEX.issuperset(value)):
            raise InvalidInputError(f"A {name} is {SECONDARY_CHARS} hexadecimal characters, or empty.")
    if not 0 <= draft.quality <= MAX_QUALITY:
        raise InvalidInputError(f"A PDQ quality is 0 to {MAX_QUALITY}.")
    if draft.keypoints is not None and not 0 < len(draft.keypoints) <= MAX_KEYPOINT_BYTES:
        raise InvalidInputError(f"An entry's keypoints are 1 to {MAX_KEYPOINT_BYTES:,} bytes.")
    _check_words(draft)
    _check_times(draft.disable_until, draft.expires_at)
    return draft


def check_amendment(amendment: EntryAmendment) -> None:
    """Raise `InvalidInputError` for a value that no entry may have."""
    if isinstance(amendment.note, str) and len(amendment.note) > MAX_NOTE_CHARS:
        raise InvalidInputError(f"A note has at most {MAX_NOTE_CHARS:,} characters.")
    if isinstance(amendment.category, str) and len(amendment.category) > MAX_WORD_CHARS:
        raise InvalidInputError(f"A category has at most {MAX_WORD_CHARS} characters.")
    times = (amendment.disable_until, amendment.expires_at)
    _check_times(*(time for time in times if isinstance(time, datetime)))


def _check_words(draft: EntryDraft) -> None:
    if len(draft.note) > MAX_NOTE_CHARS:
        raise InvalidInputError(f"A note has at most {MAX_NOTE_CHARS:,} characters.")
    words = (draft.source, draft.category, *draft.provenance, *draft.provenance.values())
    if len(draft.provenance) > MAX_PROVENANCE or any(len(word) > MAX_WORD_CHARS for word in words):
        raise InvalidInputError(
            f"A source, a category and each of at most {MAX_PROVENANCE} words of a provenance have at most "
            f"{MAX_WORD_CHARS} characters."
        )


def _check_times(*times: datetime | None) -> None:
    for time in times:
        if time is not None and time.tzinfo is None:
            raise InvalidInputError("A time needs a zone.")
        try:
            _ = time and time.astimezone(UTC)
        except OverflowError:
            raise InvalidInputError("A time is in the years 1 to 9999, in UTC too.") from None
