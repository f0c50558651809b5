"""The banks that the sample posts are matched against."""

from dataclasses import replace

from datasets.samples import SampleBank, sample_banks
from moderation.assembly import decoder, now
from moderation.domain.errors import InvalidInputError
from moderation.domain.media import Refusal
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.settings import Settings
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database

ACTOR = "samples"


def ensure_sample_banks(settings: Settings, database: Database) -> None:
    """Make the sample banks that are missing, filled. A bank that exists is left as it is, whatever is in it."""
    store = BankStore(database)
    known = {bank.name for bank, _ in store.banks()}
    missing = [sample for sample in sample_banks() if sample.bank.name not in known]
    for sample in missing:
        _fill(settings, store, sample)


def _fill(settings: Settings, store: BankStore, sample: SampleBank) -> None:
    with decoder(settings) as decoding:
        pictures = decoding.decode([image for _, image in sample.pictures])
    store.create(sample.bank, actor=ACTOR, now=now())
    for (name, _), picture in zip(sample.pictures, pictures, strict=True):
        if isinstance(picture, Refusal):
            raise InvalidInputError(f"The sample picture {name} cannot be decoded: {picture.reason}.")
        drafts = [replace(draft, source=ACTOR, note=name, category=sample.category) for draft in drafts_of(picture)]
        store.add_many(sample.bank.name, drafts, actor=ACTOR, now=now())
