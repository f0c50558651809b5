"""What screening says of the bench's posts: the examples of the shipped policy, judged by it, as stored documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from moderation.assembly import compile_file, signal_specs
from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import BankHit, Match, PictureHash, Score, SignalFailure, SignalResult, Value
from moderation.domain.verdict import Judgement, Pins, Screening, Verdict
from moderation.policy.cases import deciding_rule, read_cases
from moderation.settings import PROJECT, Settings
from moderation.storage.documents import dump, result_document, screening_document

IMAGE = Digest("1" * 64)
"""Stands in every document for the post's own image; replaced in each row."""
PDQ = "2" * 64
"""Stands in every document for the post's own hash."""
MATCH = "image_match"
_THEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Template:
    """A screening that many posts share but for `IMAGE` and `PDQ`. `results` are (signal, kind, reason, document)."""

    verdict: Verdict
    complete: bool
    rule: str
    queue: str
    category: str
    reason: str
    document: str
    results: tuple[tuple[str, str, str, str], ...]
    clusters: bool


def templates(settings: Settings, entry_id: str) -> tuple[list[Template], Template]:
    """Every held example of the shipped policy, and an ordinary post that it approves.

    First come those whose near-duplicates make a cluster.

    `entry_id` is a bank's entry, for those that match.
    """
    policy = compile_file(settings, settings.policy.read_text(encoding="utf-8"))
    path = PROJECT / "policies" / "cases" / "feed.yaml"
    cases = read_cases(path.read_text(encoding="utf-8"), policy, source=path.name)
    results = [tuple(_result(result, entry_id) for result in case.results) for case in cases]
    judged = list(zip(policy.judge(results), results, strict=True))
    made = [_template(judgement, found, policy.digest) for judgement, found in judged]
    held = [template for template in made if template.verdict is Verdict.HOLD]
    held.sort(key=lambda template: (not template.clusters, template.category == "minors"))
    ordinary = next(template for template in made if template.verdict is Verdict.APPROVE)
    return held, ordinary


def _result(result: SignalResult, entry_id: str) -> SignalResult:
    if not isinstance(result, Score) or result.signal != MATCH:
        return result
    effect = str(result.values["image_match_effect"])
    quality = result.values["image_pdq_quality"]
    hits = () if effect == "none" else (BankHit("BENCH", entry_id, effect, 6, 100, 0, "bench"),)
    assert isinstance(quality, int)
    return Match(MATCH, result.values, hits, "1", (PictureHash(0, PDQ, quality),))


def _template(judgement: Judgement, results: Sequence[SignalResult], policy: Digest) -> Template:
    versions = {spec.name: spec.version for spec in signal_specs()}
    screening = Screening(
        id=ScreeningId(""),
        post_id=PostId(""),
        lane="bench",
        attempt=1,
        started_at=_THEN,
        finished_at=_THEN,
        image=_image(results),
        results=tuple(results),
        judgement=judgement,
        pins=Pins(policy, IMAGE, "1", versions, {}, "bench"),
        seconds={"decode": 0.01, "signals": 0.05, "policy": 0.002},
    )
    documents = [result_document(result) for result in results]
    failed = any(isinstance(result, SignalFailure) for result in results)
    return Template(
        verdict=judgement.verdict,
        complete=judgement.complete,
        rule=deciding_rule(judgement),
        queue=judgement.queue,
        category=judgement.category,
        reason=judgement.reason,
        document=dump(screening_document(screening)),
        results=tuple((one["signal"], one["kind"], one.get("reason", ""), dump(one)) for one in documents),
        clusters=not failed and isinstance(screening.image, ImageFacts) and screening.image.frames == 1,
    )


def _image(results: Sequence[SignalResult]) -> ImageFacts | Refusal:
    values: dict[str, Value] = {}
    for result in results:
        if not isinstance(result, SignalFailure):
            values.update(result.values)
    if values.get("image_status", "decoded") != "decoded":
        return Refusal(RefusalReason.CORRUPT, "bench")
    sizes = [int(values.get(name) or 1) for name in ("image_width", "image_height", "image_frames")]
    return ImageFacts("jpeg", sizes[0], sizes[1], sizes[2], "RGB")
