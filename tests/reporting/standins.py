"""Synthetic stand-ins: facts of a report that describes nothing, and an image that shows nothing."""

import hashlib
from datetime import UTC, datetime, timedelta

from moderation.domain.ids import PostId
from moderation.reporting.cybertip_facts import (
    CaptureEvent,
    Contact,
    CyberTipFacts,
    Email,
    FileAnnotation,
    IncidentType,
    IndustryClassification,
    IpCapture,
    ReportedPerson,
    ReportedPost,
    Reporter,
    Viewed,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
IMAGE = b"synthetic stand-in image"
SHA256 = hashlib.sha256(IMAGE).hexdigest()
MD5 = hashlib.md5(IMAGE).hexdigest()

REPORTER = Reporter(
    company="Example Feed Ltd",
    platform="Example Feed",
    person=Contact("safety@feed.example"),
)


def minimal(
    post: ReportedPost | None = None, person: ReportedPerson | None = None, reporter: Reporter = REPORTER
) -> CyberTipFacts:
    """The least that a report can say."""
    return CyberTipFacts(
        incident_type=IncidentType.MISLEADING_CONTENT,
        incident_at=NOW - timedelta(hours=2),
        reporter=reporter,
        person=person or ReportedPerson("author-1"),
        post=post or stand_in(),
        viewed=Viewed(file=False, exif=False),
    )


def stand_in(caption: str = "synthetic stand-in", prompt: str = "synthetic stand-in") -> ReportedPost:
    """A post about nothing."""
    return ReportedPost(PostId("post-1"), NOW - timedelta(hours=3), caption, prompt, SHA256)


def full() -> CyberTipFacts:
    """Every field that a report can have."""
    upload = IpCapture("192.0.2.7", CaptureEvent.UPLOAD, NOW - timedelta(hours=3), possible_proxy=False, port=443)
    return CyberTipFacts(
        incident_type=IncidentType.MISLEADING_CONTENT,
        incident_at=NOW - timedelta(hours=2),
        incident_at_note="when the post was screened",
        high_priority="synthetic stand-in reason",
        reporter=Reporter(
            company="Example Feed Ltd",
            platform="Example Feed",
            person=Contact("safety@feed.example", "Safety", "Desk", "+1 555 0100"),
            contact=Contact("legal@feed.example", "Legal", "Desk"),
            template="Legal process: legal@feed.example. Data are kept for one year.",
            terms_of_service="Synthetic terms of service.",
            legal_url="https://feed.example/legal",
        ),
        person=ReportedPerson(
            "author-1",
            screen_name="stand-in",
            display_names=("Stand In", "S. I."),
            profile_urls=("https://feed.example/author-1",),
            profile_bio="synthetic stand-in",
            emails=(Email("author@mail.example", verified=True), Email("other@mail.example")),
            ip_captures=(IpCapture("2001:db8::1", CaptureEvent.LOGIN, NOW - timedelta(days=1)), upload),
            prior_reports=(1000001, 1000002),
            suspended_at=NOW - timedelta(days=30),
            disabled_at=NOW - timedelta(hours=1),
            account_age_days=12.5,
            published_posts=3,
        ),
        post=ReportedPost(
            PostId("post-1"),
            NOW - timedelta(hours=3),
            caption="synthetic stand-in\nwith a second line",
            prompt="synthetic stand-in <prompt> & more",
            image_sha256=SHA256,
            image_md5=MD5,
            file_name="stand-in.png",
            url="https://feed.example/posts/post-1",
            publicly_available=False,
            annotations=frozenset({FileAnnotation.GENERATIVE_AI, FileAnnotation.VIRAL}),
            classification=IndustryClassification.B2,
            upload_ip=upload,
        ),
        viewed=Viewed(file=True, exif=True),
        moderator_note="synthetic stand-in note",
    )
