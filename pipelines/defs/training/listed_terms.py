"""The terms of a word list as rows to train on: words that strangers use and no corpus here has in a sentence."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from datasets.corpora import Term
from datasets.rows import Row, TextSurface

SOURCE = "lexicon_en"
MILDEST = 1.4
"""The severity (1 mild to 3 strong) from which on a term says something by itself."""

_SEXUAL = MappingProxyType({"S": 1, "V": 0, "V2": 0, "SH": 0, "T": 1})
_HATE = MappingProxyType({"H": 1, "V": 0, "SH": 0, "T": 1})
_RUDE = MappingProxyType({"H": 0, "V": 0, "SH": 0, "T": 1})

LABELS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "sexual anatomy / sexual acts": _SEXUAL,
        "racial / ethnic slurs": _HATE,
        "sexual orientation / gender": _HATE,
        "religious offense": _HATE,
        "bodily fluids / excrement": _RUDE,
        "other / general insult": _RUDE,
        "animal references": _RUDE,
    }
)
"""What the terms of a category are labelled: what a term does not tell is unknown. Other categories are left out."""


def term_rows(terms: Iterable[Term]) -> list[Row]:
    """A row for each term of a category in `LABELS` that is severe enough."""
    return [
        Row(f"{SOURCE}:{number}", term.term, LABELS[term.category], SOURCE, TextSurface.POST, f"{SOURCE}:{term.term}")
        for number, term in enumerate(terms)
        if term.category in LABELS and (term.severity or 0.0) >= MILDEST
    ]
