"""What the job screen's keys do. Everybody can choose their own; the page carries the map that is in force."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from moderation.domain.people import Person

PREFERENCE = "keys"
RESERVED = frozenset("123456789")
"""Categories have these; they cannot be given away."""
NAMED_KEYS = frozenset({"Space", "Enter", "Backspace", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"})


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to do, and the key that does it: one character, or a name out of `NAMED_KEYS`."""

    act: str
    key: str
    title: str
    group: str


KEYS = (
    Key("approve", "a", "Approve", "Decide"),
    Key("escalate", "e", "Escalate", "Decide"),
    Key("uphold", "b", "Uphold (appeals)", "Decide"),
    Key("overturn", "v", "Overturn (appeals)", "Decide"),
    Key("undo", "u", "Undo the last decision", "Decide"),
    Key("bank", "k", "Bank the picture that you rejected last", "Decide"),
    Key("note", "n", "Write a note", "Decide"),
    Key("reveal", "Space", "Look, while held; with Shift in full colour and size", "Look"),
    Key("frame-back", "[", "Frame before", "Look"),
    Key("frame-on", "]", "Next frame", "Look"),
    Key("member-back", ",", "Picture before in the cluster", "Look"),
    Key("member-on", ".", "Next picture in the cluster", "Look"),
    Key("except", "c", "Leave this picture out of the decision", "Look"),
    Key("matches", "m", "Compare with what it matches", "Look"),
    Key("policy", "p", "Read the policy", "Look"),
    Key("skip", "s", "Skip, never to see it again", "Job"),
    Key("hold", "h", "Put on hold", "Job"),
    Key("hand-over", "o", "Hand over to a colleague", "Job"),
    Key("extend", "x", "Keep it 15 minutes longer", "Job"),
    Key("keys", "?", "This key map", "Job"),
)


def keys_of(person: Person) -> tuple[Key, ...]:
    """The person's own map. A chosen key that is malformed, reserved or given twice falls back to the default one."""
    chosen = person.preferences.get(PREFERENCE)
    wanted = {act: key for act, key in chosen.items() if _is_key(key)} if isinstance(chosen, Mapping) else {}
    mapped = [replace(one, key=str(wanted.get(one.act, one.key))) for one in KEYS]
    used = [one.key for one in mapped]
    return KEYS if len(set(used)) < len(used) else tuple(mapped)


def _is_key(key: object) -> bool:
    if not isinstance(key, str) or key in RESERVED:
        return False
    return key in NAMED_KEYS or (len(key) == 1 and key.isprintable() and not key.isspace())
