"""What a sweep is made for, as the form of one says it, checked against what there is."""

from datetime import date

from moderation.assembly import compile_file
from moderation.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import Digest, EntryId
from moderation.domain.retroaction import Cause, CauseKind
from moderation.storage.banks import BankStore
from moderation.storage.policies import PolicyStore
from review_ui.console.desk import Desk
from review_ui.console.sweep_asked import MAX_DIGITS, Asked, digest_of

DIGEST_CHARS = 64


def policy_in_force(desk: Desk) -> str:
    """The text of the policy that judges now. Raises `UnavailableError`."""
    try:
        return desk.settings.policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UnavailableError("The policy in force cannot be read.", hint="See the readiness page.") from None


def cause_of(desk: Desk, asked: Asked) -> tuple[Cause, str]:
    """The cause, and the text of the policy that judges ("": it is stored under its digest).

    A pasted policy is compiled here; the one in force by whoever previews.

    Raises `InvalidInputError`, `NotFoundError`, `PolicyError`, `UnavailableError`.
    """
    first, last = _day(asked.first, "first"), _day(asked.last, "last")
    if first is not None and last is not None and first > last:
        raise InvalidInputError("The last day is before the first.")
    if asked.what == "policy":
        return Cause(CauseKind.POLICY, _stored(desk, asked.policy), first_day=first, last_day=last), ""
    if asked.what == "text":
        if not asked.text.strip():
            raise InvalidInputError("There is no policy in the form.", hint="Paste the text of one.")
        digest = compile_file(desk.settings, asked.text).digest
        return Cause(CauseKind.POLICY, digest, first_day=first, last_day=last), asked.text
    text, banks = policy_in_force(desk), BankStore(desk.database)
    cause = Cause(
        CauseKind.BANK,
        digest_of(text),
        bank=_bank(banks, asked.bank) if asked.what == "bank" else "",
        entry=_entry(banks, asked.entry) if asked.what == "entry" else "",
        after=_change(asked.since) if asked.what == "since" else 0,
        until=int(banks.checkpoint()),
        first_day=first,
        last_day=last,
    )
    return cause, text


def _bank(banks: BankStore, name: str) -> str:
    if not name:
        raise InvalidInputError("Say which bank is meant.")
    return banks.bank(name).name


def _entry(banks: BankStore, entry_id: str) -> str:
    if not entry_id:
        raise InvalidInputError("Say which entry is meant.", hint="Its id is on the bank's page.")
    return banks.entry(EntryId(entry_id)).id


def _change(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit()) or len(typed) > MAX_DIGITS:
        raise InvalidInputError(
            "A change of the banks is a whole number.", hint="`moderation bank list --json` prints the newest."
        )
    return int(typed)


def _stored(desk: Desk, typed: str) -> Digest:
    digest = Digest(typed.lower())
    known = len(digest) == DIGEST_CHARS and PolicyStore(desk.database).text(digest) is not None
    if not known or desk.pinned.get(digest) is None:
        raise NotFoundError("No policy is stored under that digest, or today's code cannot read it.")
    return digest


def _day(typed: str, which: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise InvalidInputError(f"The {which} day is not a day of the calendar.", hint="As in 2026-10-31.") from None
