"""What people type about banks and entries, read. No refusal repeats more than a few characters of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from moderation.domain.audit import canonical_json
from moderation.domain.bank import KEEP, Bank, BankEffect, BankEntry, EntryAmendment, Opinion
from moderation.domain.errors import ConflictError, InvalidInputError
from moderation.storage.bank_rows import bank_payload, entry_payload, told
from review_ui.console.forms import Form
from review_ui.console.zones import day_start

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""An entry that is disabled until then is disabled until somebody enables it, as `moderation bank disable` has it."""
MAX_DESCRIPTION_CHARS = 2_000
MAX_DIGITS = 3
_FIELDS = ("effect", "distance_bits", "review_bits", "secondary_bits", "min_quality", "description")


def edited_bank(bank: Bank, form: Form) -> Bank:
    """The bank with every setting as the form has it. Raises `InvalidInputError`."""
    description = form.get("description", "").replace("\r\n", "\n").strip()
    if len(description) > MAX_DESCRIPTION_CHARS:
        raise InvalidInputError(f"A description has at most {MAX_DESCRIPTION_CHARS:,} characters.")
    secondary = form.get("secondary_bits", "").strip()
    return replace(
        bank,
        effect=_effect(form.get("effect", "")),
        description=description,
        distance_bits=_number("The distance", form.get("distance_bits", "")),
        review_bits=_number("The review distance", form.get("review_bits", "")),
        secondary_bits=_number("The secondary distance", secondary) if secondary else None,
        min_quality=_number("The lowest quality", form.get("min_quality", "")),
        verify=form.get("verify") == "yes",
        enabled=form.get("enabled") == "yes",
    )


def bank_fields(bank: Bank) -> dict[str, str]:
    """The settings as a form's fields; `edited_bank` reads them back."""
    fields = asdict(bank)
    shown = {name: "" if fields[name] is None else str(fields[name]) for name in _FIELDS}
    return shown | {name: "yes" if fields[name] else "" for name in ("verify", "enabled")}


def typed_fields(form: Form) -> dict[str, str]:
    """What was typed, to show the form again."""
    return {name: form.get(name, "") for name in (*_FIELDS, "verify", "enabled", "name")}


def bank_version(bank: Bank) -> str:
    """Tells one definition of a bank from another."""
    return _digest(bank_payload(bank))


def entry_version(entry: BankEntry) -> str:
    """Tells one state of an entry from another, without its hashes."""
    return _digest(told(entry_payload(entry)))


def check_version(form: Form, current: str) -> None:
    """Raise `ConflictError` unless the form was made for what is there now."""
    if form.get("version", "") != current:
        raise ConflictError(
            "Somebody changed this meanwhile, so nothing was changed.", hint="Look at it as it is now, and try again."
        )


def check_sure(form: Form) -> None:
    """Raise `InvalidInputError` unless the form confirms what it is about to do."""
    if form.get("sure") != "yes":
        raise InvalidInputError("Tick that this is meant: running lanes follow within a second.")


def shown_day(moment: datetime | None) -> str:
    """The day (UTC) as a date field has it, "" for none."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d")


def amendment_of(form: Form, entry: BankEntry) -> EntryAmendment:
    """What the form's fields change; what it does not have stays. Raises `InvalidInputError`."""
    expires = form.get("expires_at", "").strip()
    keeps = "expires_at" not in form or expires == shown_day(entry.expires_at)
    amendment = EntryAmendment(
        opinion=_opinion(form["opinion"]) if "opinion" in form else KEEP,
        note=form["note"].replace("\r\n", "\n").strip() if "note" in form else KEEP,
        category=form["category"].strip() if "category" in form else KEEP,
        expires_at=KEEP if keeps else day_start(expires, UTC),
        demoted=form["demoted"] == "yes" if "demoted" in form else KEEP,
    )
    if amendment == EntryAmendment():
        raise InvalidInputError("The form changes nothing.")
    return amendment


def acts(amendment: EntryAmendment) -> bool:
    """Whether it changes what an entry does, and not only what is written about it."""
    return any(value is not KEEP for value in (amendment.opinion, amendment.expires_at, amendment.demoted))


def disabled_until(form: Form) -> datetime:
    """When a disabled entry matches again: the day of the form, or never by itself. Raises `InvalidInputError`."""
    return day_start(form.get("until", "").strip(), UTC) or FOREVER


def _effect(text: str) -> BankEffect:
    try:
        return BankEffect(text)
    except ValueError:
        raise InvalidInputError("There is no such effect.", hint="Choose one of the list.") from None


def _opinion(text: str) -> Opinion:
    try:
        return Opinion(text)
    except ValueError:
        raise InvalidInputError("There is no such opinion.", hint="Choose one of the list.") from None


def _number(what: str, text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        raise InvalidInputError(f"{what} is a whole number.")
    return int(text)


def _digest(payload: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(payload).encode()).hexdigest()[:16]
