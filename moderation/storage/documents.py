"""Screenings as JSON text, exactly: what is read equals what was written.

To change a document's shape: raise `VERSION`, and append to `UPGRADES` the function that turns a document of the
version before into the new one. Stored documents are never rewritten; they are brought up to date when read.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import (
    BankHit,
    FailureReason,
    Match,
    PictureHash,
    Score,
    SignalFailure,
    SignalResult,
    Span,
    Surface,
)
from moderation.domain.verdict import Comparison, Judgement, Pins, RuleHit, RuleStatus, Screening, Truth, Verdict

Document = dict[str, Any]

VERSION = 4


def _without_hashes(document: Document) -> Document:
    """Version 1 did not keep the hashes that the banks were searched for."""
    results = [{**item, "hashes": []} if item["kind"] == "match" else item for item in document["results"]]
    return {**document, "results": results}


def _without_time_of_matching(document: Document) -> Document:
    """Version 2 did not keep by which time entries had begun and expired. Hits and hashes lack what has a default."""
    results = [{**item, "at": None} if item["kind"] == "match" else item for item in document["results"]]
    return {**document, "results": results}


def _without_cap(document: Document) -> Document:
    """Version 3 did not keep whether there were more hits than these; the default says that there were not."""
    return document


UPGRADES: tuple[Callable[[Document], Document], ...] = (_without_hashes, _without_time_of_matching, _without_cap)
"""`UPGRADES[n]` turns a screening's document of version n + 1 into version n + 2. Keys: image, judgement, pins,
seconds, and `results` with one document per signal.
"""


def dump(document: Mapping[str, object]) -> str:
    """JSON text; keys keep their order."""
    return json.dumps(document, separators=(",", ":"))


def screening_document(screening: Screening) -> Document:
    """Everything of a screening that has no column of its own, without the results."""
    return {
        "image": _image_document(screening.image),
        "judgement": asdict(screening.judgement),
        "pins": asdict(screening.pins),
        "seconds": dict(screening.seconds),
    }


def _image_document(image: ImageFacts | Refusal) -> Document:
    if isinstance(image, Refusal):
        return {"refused": {"reason": image.reason, "detail": image.detail}}
    return {"facts": asdict(image)}


def result_document(result: SignalResult) -> Document:
    """One signal's result; `kind` says which of the three it is. Features have a table of their own."""
    if isinstance(result, SignalFailure):
        return {"kind": "failure", "signal": result.signal, "reason": result.reason, "detail": result.detail}
    if isinstance(result, Match):
        return {"kind": "match", **asdict(result), "at": result.at.isoformat() if result.at is not None else None}
    return {
        "kind": "score",
        "signal": result.signal,
        "values": dict(result.values),
        "spans": [asdict(span) for span in result.spans],
        "detail": dict(result.detail),
    }


def screening_of(
    text: str,
    version: int,
    results: list[str],
    *,
    columns: tuple[ScreeningId, PostId, str, int, datetime, datetime],
) -> Screening:
    """The screening again, from its document's text and its results' texts in order.

    `columns` are id, post id, lane, attempt, start and end. Raises `ValueError` for a version from the future.
    """
    document = _upgraded({**json.loads(text), "results": [json.loads(item) for item in results]}, version)
    screening_id, post_id, lane, attempt, started_at, finished_at = columns
    return Screening(
        id=screening_id,
        post_id=post_id,
        lane=lane,
        attempt=attempt,
        started_at=started_at,
        finished_at=finished_at,
        image=_image(document["image"]),
        results=tuple(_result(item) for item in document["results"]),
        judgement=_judgement(document["judgement"]),
        pins=_pins(document["pins"]),
        seconds=document["seconds"],
    )


def result_of(text: str, version: int) -> SignalResult:
    """One signal's result again, without the rest of its screening; upgrades of results look at nothing else."""
    alone: Document = {"image": {}, "judgement": {}, "pins": {}, "seconds": {}, "results": [json.loads(text)]}
    return _result(_upgraded(alone, version)["results"][0])


def _upgraded(document: Document, version: int) -> Document:
    if not 1 <= version <= VERSION:
        raise ValueError(f"A screening document of version {version} is not known here.")
    for upgrade in UPGRADES[version - 1 :]:
        document = upgrade(document)
    return document


def _image(document: Document) -> ImageFacts | Refusal:
    if "refused" in document:
        refused = document["refused"]
        return Refusal(RefusalReason(refused["reason"]), refused["detail"])
    return ImageFacts(**document["facts"])


def _result(document: Document) -> SignalResult:
    kind = document.pop("kind")
    if kind == "failure":
        return SignalFailure(document["signal"], FailureReason(document["reason"]), document["detail"])
    if kind == "match":
        hits = tuple(BankHit(**hit) for hit in document.pop("hits"))
        hashes = tuple(PictureHash(**found) for found in document.pop("hashes"))
        at = document.pop("at")
        return Match(**document, hits=hits, hashes=hashes, at=datetime.fromisoformat(at) if at is not None else None)
    spans = tuple(Span(**{**span, "surface": Surface(span["surface"])}) for span in document.pop("spans"))
    return Score(**document, spans=spans)


def _judgement(document: Document) -> Judgement:
    return Judgement(
        **{
            **document,
            "verdict": Verdict(document["verdict"]),
            "hits": tuple(_hit(hit) for hit in document["hits"]),
            "failures": tuple(document["failures"]),
        }
    )


def _hit(document: Document) -> RuleHit:
    return RuleHit(
        **{
            **document,
            "status": RuleStatus(document["status"]),
            "truth": Truth(document["truth"]),
            "verdict": Verdict(document["verdict"]),
            "comparisons": tuple(
                Comparison(**{**item, "truth": Truth(item["truth"])}) for item in document["comparisons"]
            ),
        }
    )


def _pins(document: Document) -> Pins:
    return Pins(**{**document, "policy": Digest(document["policy"]), "image": Digest(document["image"])})
