"""Recorded figures as Markdown tables, for docs/models/README.md: no figure there is typed by hand."""

from collections.abc import Iterator, Mapping, Sequence

from moderation.domain.errors import InvalidInputError
from moderation.evaluation.regression import FALSE_ALARM_LIMITS

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
DASH = "\N{EN DASH}"
CHALLENGE_COMMAND = "moderation eval text datasets/challenges/{}.jsonl"
HELD_OUT_COMMAND = "moderation eval text --held-out"
PICTURE_COMMAND = "moderation eval image ../shared/corpora/{} --signal {}"
NOTHING = "Nothing was recorded yet."

Figures = Mapping[str, object]


def tables(figures: Figures, challenges: Sequence[str]) -> str:
    """All tables; `challenges` are the names of the sets in this repository, all others are corpora beside it."""
    text, pictures = _mapping(figures.get("text")), _mapping(figures.get("pictures"))
    parts = [
        "### Texts at the shipped thresholds",
        _text_table(text, challenges) if text else NOTHING,
        "### Average precision by category",
        _precision_table(text) if text else NOTHING,
        "### Recall and false alarms by category, at the shipped thresholds",
        _decision_table(text) if text else NOTHING,
        "### Recall kept in other ways of writing",
        _kept_table(text) or NOTHING,
        "### Pictures",
        _picture_table(pictures) if pictures else NOTHING,
    ]
    return "\n\n".join(parts)


def filled(document: str, contents: str) -> str:
    """`document` with `contents` between its two marks. Raises InvalidInputError when it does not have both."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInputError(f"The document has no {BEGIN} with {END} after it.")
    return f"{before}{BEGIN}\n\n{contents}\n\n{END}{after}"


def _text_table(text: Figures, challenges: Sequence[str]) -> str:
    rows = []
    for name, figures in text.items():
        found, together = _mapping(figures), _mapping(_mapping(figures).get("any"))
        command = CHALLENGE_COMMAND.format(name) if name in challenges else HELD_OUT_COMMAND
        limit = f"{FALSE_ALARM_LIMITS[name] * 100:g} %" if name in FALSE_ALARM_LIMITS else ""
        shares = [_percent(together.get(figure)) for figure in ("recall", "false_alarms")]
        rows.append((name, str(found.get("examples")), *shares, limit, f"`{command}`"))
    return _table(("set", "texts", "recall of any harm", "false alarms", "limit", "command"), rows)


def _precision_table(text: Figures) -> str:
    by_set = {name: dict(_precisions(_mapping(figures))) for name, figures in text.items()}
    columns = list(dict.fromkeys(column for found in by_set.values() for column in found))
    rows = [(name, *(found.get(column, "") for column in columns)) for name, found in by_set.items() if found]
    return _table(("set", *columns), rows)


def _precisions(figures: Figures) -> Iterator[tuple[str, str]]:
    for column, each in _mapping(figures.get("columns")).items():
        found = _mapping(each)
        if found.get("average_precision") is not None:
            yield column, f"{_number(found['average_precision'])} of {found.get('positives')}"


def _decision_table(text: Figures) -> str:
    by_set = {name: dict(_decisions(_mapping(figures))) for name, figures in text.items()}
    columns = list(dict.fromkeys(column for found in by_set.values() for column in found))
    rows = [(name, *(found.get(column, "") for column in columns)) for name, found in by_set.items() if found]
    return _table(("set", *columns), rows)


def _decisions(figures: Figures) -> Iterator[tuple[str, str]]:
    for column, each in _mapping(figures.get("columns")).items():
        shares = [_mapping(_mapping(each).get(figure)).get("value") for figure in ("recall", "false_alarms")]
        yield column, " / ".join(f"{value * 100:.1f} %" if isinstance(value, float) else DASH for value in shares)


def _kept_table(text: Figures) -> str:
    by_set = {name: _mapping(_mapping(figures).get("obfuscations")) for name, figures in text.items()}
    ways = list(dict.fromkeys(way for found in by_set.values() for way in found))
    rows = [
        (way, *(_percent(_mapping(found.get(way)).get("kept")) for found in by_set.values() if found)) for way in ways
    ]
    return _table(("written", *(name for name, found in by_set.items() if found)), rows) if rows else ""


def _picture_table(pictures: Figures) -> str:
    rows = []
    for name, figures in pictures.items():
        signal, _, source = name.partition(" on ")
        found = _mapping(figures)
        command = f"`{PICTURE_COMMAND.format(source, signal)}`"
        for column, each in _mapping(found.get("columns")).items():
            for use, point in _mapping(_mapping(each).get("thresholds")).items():
                held = _mapping(point)
                where = (source, str(found.get("measured")), column, use, str(held.get("threshold")))
                rows.append((*where, _percent(held.get("flagged")), command))
    return _table(("pictures", "measured", "score", "use", "from", "flagged", "command"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(value: object) -> str:
    found = _mapping(value)
    if not found:
        return DASH
    shares = [f"{each * 100:.1f}" for each in _numbers(found)]
    return f"{shares[0]} %" + (f" ({shares[1]} to {shares[2]})" if len(shares) > 1 else "")


def _number(value: object) -> str:
    shares = [f"{each:.3f}" for each in _numbers(_mapping(value))]
    return shares[0] + (f" ({shares[1]} to {shares[2]})" if len(shares) > 1 else "")


def _numbers(found: Figures) -> list[float]:
    """The value, and its interval's ends where it has one."""
    given = [found.get(key) for key in ("value", "low", "high")]
    kept = [float(each) for each in given if isinstance(each, int | float)]
    return kept if len(kept) == len(given) else kept[:1]


def _mapping(value: object) -> Figures:
    return value if isinstance(value, Mapping) else {}
