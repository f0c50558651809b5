"""When two pictures are the same case: near hashes, and how an index finds them."""

from moderation.domain.decision import CLUSTER_BITS

BANDS = 16
WITH_WORDS = "words:"
"""How the grounds begin of a case to which caption, prompt and what is written in the picture belong."""
_BAND_DIGITS = 4


def covers_words(basis: str) -> bool:
    """Whether the posts of a case have the same caption and prompt."""
    return basis.startswith(WITH_WORDS)


def bands(pdq: str) -> tuple[int, ...]:
    """The hash (64 hexadecimal characters) in 16 bands of 16 bits, each 0 to 65535.

    Hashes that differ in at most `CLUSTER_BITS` bits have at least one band in common.
    """
    return tuple(int(pdq[start : start + _BAND_DIGITS], 16) for start in range(0, BANDS * _BAND_DIGITS, _BAND_DIGITS))


def distance_bits(one: str, other: str) -> int:
    """In how many of 256 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def are_near(one: str, other: str) -> bool:
    """Whether two hashes are of one cluster."""
    return distance_bits(one, other) <= CLUSTER_BITS
