"""What a person fills in of a CyberTipline report, and the facts that come of it together with the record.

The record gives the post, its author and its image; the operator's settings give the reporter; everything else is
asked, with nothing assumed that only a person can know.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from moderation.domain.post import Post, PostState
from moderation.reporting.cybertip_facts import (
    CaptureEvent,
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
from moderation.reporting.cybertip_validation import Problem

Answer: TypeAlias = Literal["", "yes", "no"]
"""A question that somebody has to answer; "" as long as nobody did."""
Short = Annotated[str, Field(max_length=300)]
Long = Annotated[str, Field(max_length=20_000)]


class ReportForm(BaseModel):
    """The fields of the page; stored as JSON. Unknown facts are "" or None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incident_type: IncidentType = IncidentType.ABUSE_MATERIAL
    incident_at: AwareDatetime
    incident_at_note: Short = ""
    viewed_file: Answer = ""
    viewed_exif: Answer = ""
    classification: IndustryClassification | None = None
    annotations: frozenset[FileAnnotation] = frozenset({FileAnnotation.GENERATIVE_AI})
    publicly_available: Answer = ""
    file_name: Short = ""
    post_url: Annotated[str, Field(max_length=2_000)] = ""
    screen_name: Short = ""
    email: Short = ""
    profile_url: Annotated[str, Field(max_length=2_000)] = ""
    ip_address: Annotated[str, Field(max_length=64)] = ""
    ip_event: CaptureEvent = CaptureEvent.UPLOAD
    ip_at: AwareDatetime | None = None
    moderator_note: Long = ""
    high_priority: Annotated[str, Field(max_length=3_000)] = ""


def first_form(post: Post, *, seen: bool) -> ReportForm:
    """What the record alone says. `seen`: the console showed the whole picture to a person.

    That nobody saw it here does not mean that nobody did, so it leaves the question open.
    """
    published = post.state in {PostState.PUBLISHED, PostState.WITHDRAWN}
    return ReportForm(
        incident_at=post.received_at,
        viewed_file="yes" if seen else "",
        viewed_exif="no",
        publicly_available="yes" if published else "no",
    )


def facts_of(form: ReportForm, post: Post, reporter: Reporter, *, image_md5: str) -> CyberTipFacts:
    """The report's facts. Questions that are open count as no, and `open_questions` names them."""
    capture = IpCapture(form.ip_address, form.ip_event, form.ip_at) if form.ip_address else None
    return CyberTipFacts(
        incident_type=form.incident_type,
        incident_at=form.incident_at,
        incident_at_note=form.incident_at_note,
        reporter=reporter,
        person=ReportedPerson(
            author_id=post.author.id,
            screen_name=form.screen_name,
            profile_urls=(form.profile_url,) if form.profile_url else (),
            emails=(Email(form.email),) if form.email else (),
            ip_captures=() if capture is None else (capture,),
            account_age_days=post.author.account_age_days,
            published_posts=post.author.published_posts,
        ),
        post=ReportedPost(
            id=post.id,
            uploaded_at=post.received_at,
            caption=post.caption,
            prompt=post.prompt,
            image_sha256=post.image,
            image_md5=image_md5,
            file_name=form.file_name,
            url=form.post_url,
            publicly_available=_truth(form.publicly_available),
            annotations=form.annotations,
            classification=form.classification,
        ),
        viewed=Viewed(file=form.viewed_file == "yes", exif=form.viewed_exif == "yes"),
        moderator_note=form.moderator_note,
        high_priority=form.high_priority,
    )


def open_questions(form: ReportForm, *, image_there: bool, now: datetime) -> list[Problem]:
    """What only a person can answer, and what the record lacks."""
    problems = []
    if not form.viewed_file:
        problems.append(Problem("/fileDetails/fileViewedByEsp", "say whether a person saw the whole file", "us"))
    if not form.viewed_exif:
        problems.append(Problem("/fileDetails/exifViewedByEsp", "say whether a person saw its EXIF data", "us"))
    if not form.moderator_note.strip():
        problems.append(Problem("/report/additionalInfo", "describe in your own words what is reported", "us"))
    if not image_there:
        problems.append(Problem("/fileDetails", "the image is not in the blob store", "us"))
    if form.ip_at is not None and not form.ip_address:
        problems.append(Problem("/report/personOrUserReported/ipCaptureEvent", "a time without an address", "us"))
    if form.incident_at > now:
        problems.append(Problem("/report/incidentSummary/incidentDateTime", "must be in the past", "us"))
    return problems


def _truth(answer: Answer) -> bool | None:
    return None if not answer else answer == "yes"
