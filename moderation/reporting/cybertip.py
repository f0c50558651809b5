"""A CyberTipline report, drafted: both documents, and everything that must be mended before they may be sent."""

from dataclasses import dataclass, field
from datetime import datetime

from moderation.reporting.cybertip_documents import file_details_document, report_document, with_ids
from moderation.reporting.cybertip_facts import CyberTipFacts
from moderation.reporting.cybertip_rules import broken_rules
from moderation.reporting.cybertip_validation import Problem, safe_root, validate


@dataclass(frozen=True, slots=True)
class Draft:
    """What is stored for a person to read, and sent when they say so. The documents stay out of logs.

    `file_details_xml` has pending ids. `image_sha256` is that of the image that belongs to it, "" when unknown.
    """

    report_xml: bytes = field(repr=False)
    file_details_xml: bytes = field(repr=False)
    problems: tuple[Problem, ...]
    image_sha256: str = ""

    @property
    def sendable(self) -> bool:
        """Whether nothing is left to mend."""
        return not self.problems


def draft(facts: CyberTipFacts, *, now: datetime, published_xsd: bytes | None = None) -> Draft:
    """The documents for `facts`, checked against the schema, NCMEC's schema when given, and the documentation's rules.

    Never raises for what people wrote: a draft with problems is a draft that says what to mend.
    """
    report, details = report_document(facts), file_details_document(facts)
    problems = (
        *validate(report, kind="report", published_xsd=published_xsd),
        *validate(details, kind="fileDetails", published_xsd=published_xsd),
        *broken_rules(facts, now),
    )
    return Draft(report, details, problems, facts.post.image_sha256.lower())


def bound(file_details_xml: bytes, *, report_id: int, file_id: str) -> bytes:
    """A drafted `fileDetails` with NCMEC's ids in place of the pending ones."""
    return with_ids(safe_root(file_details_xml), report_id, file_id)
