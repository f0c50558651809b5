"""What a candidate's process answers, as JSON: whoever took it over can say what he likes, and run nothing here.

Pickles would not do: even one that names the domain's classes alone can set attributes of these where it is read.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NoReturn

from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, Span, Surface, Value

MAX_DETAIL_CHARS = 300
"""Of what a failure says."""


class NonsenseError(ValueError):
    """Bytes that are no answer."""


def dump(results: Sequence[SignalResult]) -> bytes:
    """Results of one signal, in order; without features, which no candidate's are kept of.

    One that cannot be written (not a score, or values that JSON has no form for) is a `wrong_shape` failure.
    """
    return b"[" + b",".join(_dumped(result) for result in results) + b"]"


def dump_error(said: str) -> bytes:
    """Why there are no results and will be none."""
    return json.dumps({"error": said}).encode()


def read(answer: bytes, signal: str) -> list[SignalResult] | str:
    """The results, of the signal that was asked, or what went wrong. Raises `NonsenseError` for anything else.

    Whether there are as many as were asked for, and within the columns' ranges, is left to `runtime.measured`.
    """
    try:
        found = json.loads(answer, parse_constant=_refuse)
        if isinstance(found, dict) and found.keys() == {"error"}:
            return printable(_text(found["error"]))
        return [_result(one, signal) for one in _list(found)]
    except NonsenseError:
        raise
    except (ValueError, KeyError, RecursionError) as error:
        raise NonsenseError(f"{type(error).__name__}") from error


def printable(said: str) -> str:
    """The beginning of what it said, fit for logs and databases."""
    return "".join(char if char.isprintable() else "?" for char in said[:MAX_DETAIL_CHARS])


def _dumped(result: SignalResult) -> bytes:
    try:
        return json.dumps(_document(result), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        failed = SignalFailure("", FailureReason.WRONG_SHAPE, f"{type(error).__name__}: {error}")
        return json.dumps(_document(failed)).encode()


def _document(result: SignalResult) -> dict[str, object]:
    if isinstance(result, SignalFailure):
        return {"reason": result.reason, "detail": result.detail}
    if not isinstance(result, Score):
        raise TypeError(f"a candidate gives scores, not a {type(result).__name__}")
    spans = [asdict(span) for span in result.spans]
    return {"values": dict(result.values), "spans": spans, "detail": dict(result.detail)}


def _result(found: object, signal: str) -> SignalResult:
    document = _mapping(found)
    if "reason" in document:
        return SignalFailure(signal, FailureReason(_text(document["reason"])), printable(_text(document["detail"])))
    spans = tuple(_span(_mapping(one)) for one in _list(document["spans"]))
    return Score(signal, _values(document["values"]), spans, _values(document["detail"]))


def _span(found: Mapping[str, object]) -> Span:
    surface, category, term = (_text(found[name]) for name in ("surface", "category", "term"))
    return Span(Surface(surface), _whole(found["start"]), _whole(found["end"]), category, term)


def _values(found: object) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in _mapping(found).items():
        if value is not None and not isinstance(value, float | int | str):
            raise NonsenseError(f"{type(value).__name__} is no value")
        if isinstance(value, float) and not math.isfinite(value):
            raise NonsenseError(f"{value} is no number")
        values[name] = value
    return values


def _mapping(found: object) -> Mapping[str, object]:
    if not isinstance(found, dict):
        raise NonsenseError(f"{type(found).__name__} in place of an object")
    return found


def _list(found: object) -> list[object]:
    if not isinstance(found, list):
        raise NonsenseError(f"{type(found).__name__} in place of a list")
    return found


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise NonsenseError(f"{type(found).__name__} in place of text")
    return found


def _whole(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool):
        raise NonsenseError(f"{type(found).__name__} in place of a whole number")
    return found


def _refuse(name: str) -> NoReturn:
    raise NonsenseError(f"{name} is no number")
