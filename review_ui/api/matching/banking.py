"""Adding to banks: the same for both dialects of the API."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from moderation.domain.bank import Bank, BankEntry, EntryDraft
from moderation.matching.entries.entry_drafts import draft_of
from moderation.storage.keys import ApiKey
from review_ui.api.matching.pictures import Hashed
from review_ui.api.matching.service import Matching, actor_of, check_usable

SOURCE = "api"
"""An entry's source where the client names none."""


def drafts_of_picture(hashed: Hashed, facts: EntryDraft, *, bank: Bank) -> list[EntryDraft]:
    """`facts` with the hashes, in place of its own, of each frame that is good enough for the bank to match.

    Raises `NoUsableHashError` when there is none: such an entry would match nothing, and nobody would notice.
    """
    check_usable(max(frame.quality for frame in hashed.frames), bank.min_quality)
    found: dict[str, EntryDraft] = {}
    for frame, preview in zip(hashed.frames, hashed.previews, strict=True):
        if frame.quality >= bank.min_quality:
            draft = draft_of(frame, preview)
            told = replace(
                facts,
                pdq=draft.pdq,
                quality=draft.quality,
                phash=draft.phash,
                dhash=draft.dhash,
                keypoints=draft.keypoints,
            )
            found.setdefault(draft.pdq, told)
    return list(found.values())


def add(
    matching: Matching, bank: str, drafts: Sequence[EntryDraft], *, key: ApiKey, now: datetime
) -> tuple[list[BankEntry], bool]:
    """The entries of the drafts, and whether any of them is new. Raises `NotFoundError`, `InvalidInputError`."""
    known = matching.bank(bank)
    entries = matching.banks.add_many(known.name, drafts, actor=actor_of(key), now=now)
    return entries, any(entry.added_at == now for entry in entries)
