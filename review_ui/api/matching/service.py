"""What the matching routes work with: banks, the matcher, the decoder, and fetching by URL."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import MIN_QUALITY, Bank, BankEntry
from moderation.domain.errors import NotFoundError
from moderation.media.fetching import Fetcher
from moderation.storage.banks import BankStore
from moderation.storage.exchanges import ExchangeStore
from moderation.storage.keys import ApiKey
from review_ui.api.matching.pictures import Hashed, PictureReader
from review_ui.api.matching.searching import Searcher
from review_ui.errors import NoUsableHashError


@dataclass(frozen=True, slots=True)
class Matching:
    """One for the application; nothing of it is started before it is used."""

    banks: BankStore
    exchanges: ExchangeStore
    searcher: Searcher
    pictures: PictureReader
    fetcher: Fetcher
    clock: Callable[[], datetime]

    async def close(self) -> None:
        """End what was started."""
        await self.fetcher.close()
        await run_in_threadpool(self.pictures.close)

    def bank(self, name: str) -> Bank:
        """The bank of that name. Raises `NotFoundError`, which does not repeat it."""
        try:
            if name.isprintable():
                return self.banks.bank(name)
        except NotFoundError:
            pass
        raise NotFoundError("There is no such bank.")

    def entry(self, bank: str, number: int) -> BankEntry:
        """The bank's entry with that number. Raises `NotFoundError`."""
        found = self.banks.entries_by_number([number]).get(number)
        if found is None or found.bank != bank:
            raise NotFoundError("The bank has no such entry.")
        return found


def matching_of(request: Request) -> Matching:
    """The application's matching."""
    matching = request.app.state.matching
    assert isinstance(matching, Matching)
    return matching


TheMatching = Annotated[Matching, Depends(matching_of)]


def actor_of(key: ApiKey) -> str:
    """How the audit log names whoever changes banks with a key."""
    return f"client:{key.name}"


def best_frame(hashed: Hashed) -> int:
    """The frame whose hash says most, which must say something. Raises `NoUsableHashError`."""
    best = max(range(len(hashed.frames)), key=lambda frame: hashed.frames[frame].quality)
    check_usable(hashed.frames[best].quality)
    return best


def check_usable(quality: int, needed: int = MIN_QUALITY) -> None:
    """Raise `NoUsableHashError` for a PDQ quality (0 to 100) at which a hash says nothing."""
    if quality < needed:
        raise NoUsableHashError(
            f"The picture is too plain to be hashed: its PDQ quality is {quality} of 100, and {needed} are needed."
        )
