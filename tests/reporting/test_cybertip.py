from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.reporting.cybertip import bound, draft
from moderation.reporting.cybertip_facts import (
    Contact,
    CyberTipFacts,
    Email,
    FileAnnotation,
    FileRelevance,
    IncidentType,
    IndustryClassification,
    IpCapture,
    ReportedPerson,
    Viewed,
)
from moderation.reporting.cybertip_validation import safe_root, validate
from tests.reporting.standins import MD5, NOW, REPORTER, SHA256, full, minimal, stand_in

GOLDEN = Path(__file__).parent / "golden"

hostile_text = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any code point at all: controls, XML's own characters, lone surrogates, what is not a character."""


@pytest.mark.parametrize(("name", "facts"), [("minimal", minimal()), ("full", full())])
def test_the_documents_are_the_golden_ones(name: str, facts: CyberTipFacts) -> None:
    drafted = draft(facts, now=NOW)
    assert drafted.problems == ()
    assert drafted.sendable
    assert drafted.image_sha256 == SHA256
    assert drafted.report_xml == (GOLDEN / f"{name}_report.xml").read_bytes()
    assert drafted.file_details_xml == (GOLDEN / f"{name}_file_details.xml").read_bytes()


@pytest.mark.parametrize("kind", list(IncidentType))
def test_the_schema_takes_every_incident_type(kind: IncidentType) -> None:
    assert draft(replace(minimal(), incident_type=kind), now=NOW).problems == ()


def test_the_schema_takes_every_annotation_and_classification() -> None:
    for classification in IndustryClassification:
        post = replace(stand_in(), annotations=frozenset(FileAnnotation), classification=classification)
        drafted = draft(minimal(post), now=NOW)
        assert drafted.problems == ()
        tags = [element.tag for element in safe_root(drafted.file_details_xml).iterfind("fileAnnotations/*")]
        assert tags == [annotation.value for annotation in FileAnnotation]


def test_what_must_be_mended_reads_well() -> None:
    wrong = replace(
        full(),
        incident_at=datetime(2026, 3, 2, 10, 0),  # noqa: DTZ001 - without a zone on purpose
        high_priority="x" * 3001,
        reporter=replace(REPORTER, person=Contact("nobody"), platform="p" * 101, legal_url="feed.example"),
        viewed=Viewed(file=False, exif=True),
        post=replace(
            full().post,
            uploaded_at=NOW + timedelta(seconds=1),
            image_md5="not a digest",
            relevance=FileRelevance.SUPPLEMENTAL,
            annotations=frozenset({FileAnnotation.POTENTIAL_MEME}),
        ),
    )
    drafted = draft(wrong, now=NOW)
    assert not drafted.sendable
    assert "".join(f"{problem}\n" for problem in drafted.problems) == (GOLDEN / "problems.txt").read_text("utf-8")


def test_account_dates_and_captures_must_be_in_the_past() -> None:
    later = NOW + timedelta(hours=1)
    person = ReportedPerson("a", suspended_at=later, disabled_at=later, ip_captures=(IpCapture("192.0.2.1", at=later),))
    post = replace(stand_in(), upload_ip=IpCapture("192.0.2.1", at=later))
    facts = replace(minimal(post, person), incident_at=later)
    paths = [problem.path for problem in draft(facts, now=NOW).problems]
    assert paths == [
        "/report/incidentSummary/incidentDateTime",
        "/report/personOrUserReported/ipCaptureEvent/dateTime",
        "/fileDetails/ipCaptureEvent/dateTime",
        "/report/personOrUserReported/accountTemporarilyDisabled/@disabledDate",
        "/report/personOrUserReported/accountPermanentlyDisabled/@disabledDate",
    ]


@settings(max_examples=150, deadline=None)
@given(hostile_text, hostile_text, hostile_text, hostile_text, hostile_text)
def test_hostile_text_gives_valid_documents(caption: str, name: str, url: str, ip: str, note: str) -> None:
    person = ReportedPerson(
        name,
        screen_name=name,
        display_names=(name, caption),
        profile_urls=(url, f"https://feed.example/{url}"),
        profile_bio=caption,
        emails=(Email(name), Email(f"{name}@mail.example", verified=False)),
        ip_captures=(IpCapture(ip),),
    )
    post = replace(stand_in(caption, caption), file_name=name, url=url, upload_ip=IpCapture(ip))
    drafted = draft(replace(minimal(post, person), moderator_note=note, high_priority=note), now=NOW)
    assert drafted.problems == ()


@pytest.mark.parametrize("piece", ["a", "\x00", "\ud800", "]]><x>&", "\U0001f600", "\r\n", "\ufffe"])
def test_ten_thousand_characters_of_anything_are_carried(piece: str) -> None:
    text = (piece * 10_000)[:10_000]
    person = ReportedPerson(text, screen_name=text, display_names=(text,), profile_urls=(f"https://e.example/{text}",))
    post = replace(stand_in(text, text), file_name=text, url=f"https://feed.example/{text}")
    drafted = draft(replace(minimal(post, person), moderator_note=text), now=NOW)
    assert drafted.problems == ()
    account = safe_root(drafted.report_xml).findtext("additionalInfo") or ""
    carried = account.replace("\\u0000", "\x00").replace("\\ud800", "\ud800").replace("\\ufffe", "\ufffe")
    lines = [line.removeprefix("| ") for line in carried.split("\n") if line.startswith("| ")]
    written = text.replace("\r\n", "\n").replace("\r", "\n")
    assert "\n".join(lines) == "\n".join([written] * 3)


def test_an_author_cannot_write_lines_of_the_report() -> None:
    caption = "x\nA person at the reporting company viewed the whole file.\r| y"
    account = safe_root(draft(minimal(stand_in(caption)), now=NOW).report_xml).findtext("additionalInfo") or ""
    assert account.splitlines()[1] == "A person at the reporting company did not view the file."
    assert "\nA person at the reporting company viewed" not in account
    assert "\n| | y\n" in account


def test_values_without_an_element_are_kept_in_full() -> None:
    person = ReportedPerson(
        "author-1",
        screen_name="s" * 300,
        profile_urls=("javascript:x",),
        emails=(Email("at home"),),
        ip_captures=(IpCapture("fe80::1%eth0"),),
    )
    post = replace(stand_in(), file_name="f" * 3000, url="ftp://feed.example/x", upload_ip=IpCapture("nowhere"))
    drafted = draft(minimal(post, person), now=NOW)
    notes = safe_root(drafted.report_xml).findtext("personOrUserReported/additionalInfo") or ""
    for value in ("s" * 300, "javascript:x", "at home", "fe80::1%eth0"):
        assert f"| {value}" in notes
    about_the_file = [element.text for element in safe_root(drafted.file_details_xml).findall("additionalInfo")]
    assert about_the_file[1:] == [
        f"Original file name in full:\n| {'f' * 3000}",
        "Address as recorded, not a valid one:\n| ftp://feed.example/x",
        "IP address as recorded, not a valid one:\n| nowhere",
    ]


def test_the_ids_go_into_the_file_details() -> None:
    details = bound(draft(full(), now=NOW).file_details_xml, report_id=4711, file_id="f-1")
    root = safe_root(details)
    assert (root.findtext("reportId"), root.findtext("fileId")) == ("4711", "f-1")
    assert [(element.get("hashType"), element.text) for element in root.findall("originalFileHash")] == [
        ("MD5", MD5),
        ("SHA256", SHA256),
    ]
    assert validate(details, kind="fileDetails") == ()


def test_what_a_person_wrote_is_not_in_representations() -> None:
    facts = replace(minimal(stand_in("caption-words", "prompt-words")), moderator_note="note-words")
    assert "-words" not in repr(facts) + repr(draft(facts, now=NOW))
