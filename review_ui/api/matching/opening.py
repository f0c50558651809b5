"""Builds what the matching routes work with."""

from functools import partial

from moderation.assembly import fetch_rules, hash_decoder, matcher, now
from moderation.media.fetching import Fetcher
from moderation.settings import Settings
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchanges import ExchangeStore
from review_ui.api.matching.pictures import PictureReader
from review_ui.api.matching.searching import Searcher
from review_ui.api.matching.service import Matching


def open_matching(settings: Settings, database: Database) -> Matching:
    """Matching on the database of `settings`; connects to nothing and starts nothing before it is used."""
    return Matching(
        banks=BankStore(database),
        exchanges=ExchangeStore(database),
        searcher=Searcher(partial(matcher, settings, database)),
        pictures=PictureReader(partial(hash_decoder, settings)),
        fetcher=Fetcher(fetch_rules(settings)),
        clock=now,
    )
