"""What NCMEC's documentation asks of a report and no schema can say: times, and facts that exclude each other."""

from collections.abc import Iterator
from datetime import datetime

from moderation.reporting.cybertip_facts import CyberTipFacts, FileAnnotation, FileRelevance, IpCapture
from moderation.reporting.cybertip_text import is_url
from moderation.reporting.cybertip_validation import Problem

_BY = "the documentation"


def broken_rules(facts: CyberTipFacts, now: datetime) -> Iterator[Problem]:
    """Every rule of the documentation that the facts break."""
    for path, at in _moments(facts):
        if at.tzinfo is not None and at > now:
            yield Problem(path, "must be in the past", _BY)
    if facts.viewed.exif and not facts.viewed.file:
        yield Problem("/fileDetails/fileViewedByEsp", "must be true when the EXIF data were viewed", _BY)
    if facts.post.relevance is FileRelevance.SUPPLEMENTAL:
        yield from _supplemental(facts)
    if facts.reporter.legal_url and not is_url(facts.reporter.legal_url):
        yield Problem("/report/reporter/legalURL", "must be an address that starts with http:// or https://", _BY)


def _supplemental(facts: CyberTipFacts) -> Iterator[Problem]:
    if facts.post.classification is not None:
        yield Problem("/fileDetails/industryClassification", "is only for a file that is itself reported", _BY)
    if FileAnnotation.POTENTIAL_MEME in facts.post.annotations:
        yield Problem("/fileDetails/fileAnnotations/potentialMeme", "is only for a file that is itself reported", _BY)


def _moments(facts: CyberTipFacts) -> Iterator[tuple[str, datetime]]:
    person = "/report/personOrUserReported"
    yield "/report/incidentSummary/incidentDateTime", facts.incident_at
    yield "/fileDetails/uploadedToEspTimestamp", facts.post.uploaded_at
    for capture in facts.person.ip_captures:
        yield from _captured(f"{person}/ipCaptureEvent/dateTime", capture)
    if facts.post.upload_ip is not None:
        yield from _captured("/fileDetails/ipCaptureEvent/dateTime", facts.post.upload_ip)
    for name, at in (
        ("accountTemporarilyDisabled", facts.person.suspended_at),
        ("accountPermanentlyDisabled", facts.person.disabled_at),
    ):
        if at is not None:
            yield f"{person}/{name}/@disabledDate", at


def _captured(path: str, capture: IpCapture) -> Iterator[tuple[str, datetime]]:
    if capture.at is not None:
        yield path, capture.at
