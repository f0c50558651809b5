"""The parts of an evaluation set that are looked at by themselves: a good average can hide a bad part."""

from moderation.evaluation.identity import identities

LENGTH_BANDS = ((5, "1-5 words"), (15, "6-15 words"), (40, "16-40 words"), (120, "41-120 words"))
LONGEST_BAND = "over 120 words"
EMPTY_BAND = "no words"


def slices_of(text: str) -> tuple[str, ...]:
    """The slices that a text belongs to: its length, and the groups of people that it names.

    Names are `kind: value`, such as "length: 6-15 words", "names: muslim" and "names any group: yes".
    """
    named = identities(text)
    groups = [f"names: {identity.name}" for identity in named]
    kinds = sorted({f"names by: {identity.characteristic}" for identity in named})
    return (f"length: {length_band(text)}", *groups, *kinds, f"names any group: {'yes' if named else 'no'}")


def length_band(text: str) -> str:
    """How long a text is, in words between blanks."""
    words = len(text.split())
    if not words:
        return EMPTY_BAND
    return next((name for most, name in LENGTH_BANDS if words <= most), LONGEST_BAND)
