"""From facts to the two XML documents of a report: `report` opens it, `fileDetails` describes the uploaded image.

What the author controls always gives valid XML, whatever it is: a value that its element cannot hold goes into a note
in full. What the operator or a moderator wrote is written as it is, and validation says what to mend.
"""

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree as ET

from moderation.reporting.cybertip_facts import (
    Contact,
    CyberTipFacts,
    FileAnnotation,
    IpCapture,
    ReportedPerson,
    ReportedPost,
    Reporter,
    Viewed,
)
from moderation.reporting.cybertip_text import carried, is_email, is_ip, is_url, moment, quoted, shortened

PENDING_REPORT_ID = 0
PENDING_FILE_ID = "pending"
"""They stand in a drafted `fileDetails` until NCMEC has given the ids; the client puts the real ones there."""

SCHEMA_URL = "https://report.cybertip.org/ispws/xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def report_document(facts: CyberTipFacts) -> bytes:
    """The `report` document: UTF-8, elements in the schema's order."""
    root = _root("report")
    _incident(_child(root, "incidentSummary"), facts)
    if is_url(facts.post.url):
        _add(_child(_child(root, "internetDetails"), "webPageIncident"), "url", facts.post.url)
    _reporter(_child(root, "reporter"), facts.reporter)
    _person(_child(root, "personOrUserReported"), facts.person, facts.reporter.platform)
    _add(root, "additionalInfo", _account(facts))
    return _bytes(root)


def file_details_document(facts: CyberTipFacts) -> bytes:
    """The `fileDetails` document, with pending ids."""
    post = facts.post
    root = _root("fileDetails")
    _add(root, "reportId", str(PENDING_REPORT_ID))
    _add(root, "fileId", PENDING_FILE_ID)
    _add(root, "originalFileName", shortened(carried(post.file_name), 2056))
    _add(root, "uploadedToEspTimestamp", moment(post.uploaded_at))
    if is_url(post.url):
        _add(root, "locationOfFile", post.url)
    _flag(root, "fileViewedByEsp", facts.viewed.file)
    _flag(root, "exifViewedByEsp", facts.viewed.exif)
    _flag(root, "publiclyAvailable", post.publicly_available)
    _add(root, "fileRelevance", post.relevance)
    _tags(root, post)
    _add(root, "industryClassification", post.classification or "")
    _hashes(root, post)
    if post.upload_ip is not None and is_ip(post.upload_ip.address):
        _capture(root, post.upload_ip)
    _add(root, "additionalInfo", f"Post {carried(post.id)}. {_viewed(facts.viewed)}")
    for note in _file_notes(post):
        _add(root, "additionalInfo", note)
    return _bytes(root)


def with_ids(root: ET.Element, report_id: int, file_id: str) -> bytes:
    """A parsed `fileDetails` with the ids that NCMEC gave."""
    for name, value in (("reportId", str(report_id)), ("fileId", file_id)):
        element = root.find(name)
        if element is not None:
            element.text = value
    return _bytes(root)


def _incident(parent: ET.Element, facts: CyberTipFacts) -> None:
    _add(parent, "incidentType", facts.incident_type)
    _add(parent, "platform", facts.reporter.platform)
    _add(parent, "escalateToHighPriority", facts.high_priority)
    _add(parent, "incidentDateTime", moment(facts.incident_at))
    _add(parent, "incidentDateTimeDescription", facts.incident_at_note)


def _reporter(parent: ET.Element, reporter: Reporter) -> None:
    _contact(_child(parent, "reportingPerson"), reporter.person)
    if reporter.contact is not None:
        _contact(_child(parent, "contactPerson"), reporter.contact)
    _add(parent, "companyTemplate", "\n".join(filter(None, (reporter.company, reporter.template))))
    _add(parent, "termsOfService", reporter.terms_of_service)
    _add(parent, "legalURL", reporter.legal_url)


def _contact(parent: ET.Element, contact: Contact) -> None:
    _add(parent, "firstName", contact.first_name)
    _add(parent, "lastName", contact.last_name)
    _add(parent, "phone", contact.phone)
    _child(parent, "email").text = carried(contact.email)


def _person(parent: ET.Element, person: ReportedPerson, platform: str) -> None:
    emails = [email for email in person.emails if is_email(email.address)]
    if emails:
        known = _child(parent, "personOrUserReportedPerson")
        for email in emails:
            element = _child(known, "email")
            element.text = email.address
            if email.verified is not None:
                element.set("verified", _truth(email.verified))
    identifier = shortened(carried(person.author_id), 255)
    _child(parent, "espIdentifier").text = identifier if identifier.strip() else "(blank)"
    _add(parent, "espService", platform)
    _add(parent, "screenName", shortened(carried(person.screen_name), 256))
    for name in person.display_names:
        _add(parent, "displayName", shortened(carried(name), 256))
    for url in filter(is_url, person.profile_urls):
        _add(parent, "profileUrl", url)
    _add(parent, "profileBio", person.profile_bio)
    for capture in person.ip_captures:
        if is_ip(capture.address):
            _capture(parent, capture)
    for report_id in person.prior_reports:
        _add(parent, "priorCTReports", str(report_id))
    _disabled(parent, "accountTemporarilyDisabled", person.suspended_at)
    _disabled(parent, "accountPermanentlyDisabled", person.disabled_at)
    _add(parent, "additionalInfo", "\n".join(_person_notes(person)))


def _person_notes(person: ReportedPerson) -> Iterable[str]:
    """What is known of the account and has no element, then every value that its element could not hold."""
    if person.account_age_days is not None:
        yield f"Age of the account when it posted: {person.account_age_days:g} days"
    if person.published_posts is not None:
        yield f"Posts published before: {person.published_posts}"
    yield from _too_long("Identifier", person.author_id, 255)
    yield from _too_long("Screen name", person.screen_name, 256)
    for name in person.display_names:
        yield from _too_long("Display name", name, 256)
    unusable = (
        *(("Profile address", url) for url in person.profile_urls if not is_url(url)),
        *(("E-mail address", email.address) for email in person.emails if not is_email(email.address)),
        *(("IP address", capture.address) for capture in person.ip_captures if not is_ip(capture.address)),
    )
    for what, value in unusable:
        yield f"{what} as recorded, not a valid one:\n{quoted(value)}"


def _file_notes(post: ReportedPost) -> Iterable[str]:
    yield from _too_long("Original file name", post.file_name, 2056)
    if post.url and not is_url(post.url):
        yield f"Address as recorded, not a valid one:\n{quoted(post.url)}"
    if post.upload_ip is not None and not is_ip(post.upload_ip.address):
        yield f"IP address as recorded, not a valid one:\n{quoted(post.upload_ip.address)}"


def _too_long(what: str, text: str, max_chars: int) -> Iterable[str]:
    if len(carried(text)) > max_chars:
        yield f"{what} in full:\n{quoted(text)}"


def _account(facts: CyberTipFacts) -> str:
    """What happened, in one text: the post, what was looked at, the moderator's words, and the author's, quoted."""
    return "\n".join(
        (
            f"Post {carried(facts.post.id)}, uploaded {moment(facts.post.uploaded_at)}.",
            _viewed(facts.viewed),
            f"Moderator's note:\n{quoted(facts.moderator_note)}",
            f"Caption, as posted:\n{quoted(facts.post.caption)}",
            f"Prompt for the image generator, as the author gave it:\n{quoted(facts.post.prompt)}",
        )
    )


def _viewed(viewed: Viewed) -> str:
    file = "viewed the whole file" if viewed.file else "did not view the file"
    return f"A person at the reporting company {file}{' and its EXIF data' if viewed.file and viewed.exif else ''}."


def _capture(parent: ET.Element, capture: IpCapture) -> None:
    element = _child(parent, "ipCaptureEvent")
    _add(element, "ipAddress", capture.address)
    _add(element, "eventName", capture.event)
    if capture.at is not None:
        _add(element, "dateTime", moment(capture.at))
    _flag(element, "possibleProxy", capture.possible_proxy)
    if capture.port is not None:
        _add(element, "port", str(capture.port))


def _disabled(parent: ET.Element, name: str, at: datetime | None) -> None:
    if at is not None:
        element = _child(parent, name)
        element.text = "true"
        element.set("disabledDate", moment(at))


def _tags(parent: ET.Element, post: ReportedPost) -> None:
    if post.annotations:
        tags = _child(parent, "fileAnnotations")
        for annotation in FileAnnotation:
            if annotation in post.annotations:
                _child(tags, annotation)


def _hashes(parent: ET.Element, post: ReportedPost) -> None:
    for kind, value in (("MD5", post.image_md5), ("SHA256", post.image_sha256)):
        if value:
            element = _child(parent, "originalFileHash")
            element.text = carried(value.lower())
            element.set("hashType", kind)


def _root(name: str) -> ET.Element:
    return ET.Element(name, {f"{{{_INSTANCE}}}noNamespaceSchemaLocation": SCHEMA_URL})


def _child(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, name)


def _add(parent: ET.Element, name: str, text: str) -> None:
    """An element for a text that is not blank; a blank one is a fact that is not known."""
    if text.strip():
        _child(parent, name).text = carried(text)


def _flag(parent: ET.Element, name: str, value: bool | None) -> None:  # noqa: FBT001 - a fact, not a mode
    if value is not None:
        _child(parent, name).text = _truth(value)


def _truth(value: bool) -> str:  # noqa: FBT001 - the same
    return "true" if value else "false"


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
