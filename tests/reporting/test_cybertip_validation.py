from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInputError
from moderation.reporting.cybertip import draft
from moderation.reporting.cybertip_validation import (
    MAX_DOCUMENT_BYTES,
    MAX_PROBLEMS,
    Problem,
    published_schema,
    safe_root,
    validate,
)
from tests.reporting.standins import NOW, minimal

BOMB = b"""<!DOCTYPE report [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><report>&b;</report>"""
EXTERNAL = b"""<!DOCTYPE report SYSTEM "http://127.0.0.1:9/x.dtd"><report/>"""
ELSEWHERE = """<!DOCTYPE report [<!ENTITY a "b">]><report>&a;</report>""".encode("utf-16")

STRICTER = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="report"><xs:complexType>
<xs:sequence><xs:any processContents="skip" maxOccurs="2"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="fileDetails"/></xs:schema>"""
REFERRING = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:include schemaLocation="http://127.0.0.1:9/other.xsd"/></xs:schema>"""


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (BOMB, "declares a document type or entities"),
        (EXTERNAL, "declares a document type or entities"),
        (ELSEWHERE, "is not UTF-8"),
        (b"\xff", "is not UTF-8"),
        (b"", "is not well-formed"),
        (b"<report>", "is not well-formed"),
        (b"/etc/passwd", "is not well-formed"),
        (b"<a>" * 5000 + b"</a>" * 5000, "is not well-formed"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "is longer than"),
    ],
)
def test_hostile_documents_are_problems_and_nothing_else(document: bytes, words: str) -> None:
    problems = validate(document)
    assert len(problems) == 1
    assert words in str(problems[0])


def test_a_document_of_the_other_kind_is_a_problem() -> None:
    drafted = draft(minimal(), now=NOW)
    assert validate(drafted.report_xml, kind="fileDetails") == (
        Problem("/report", "a fileDetails document must stand here"),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<nothing/>", "/nothing: 'nothing' is not an element of the schema (by the schema)"),
        (
            b"<report/>",
            "/report: The content of element 'report' is not complete. Tag 'incidentSummary' expected. (by the schema)",
        ),
        (
            b"<fileDetails><reportId>1</reportId><fileId/></fileDetails>",
            "/fileDetails/fileId: value length cannot be 0 (by the schema)",
        ),
        (
            b"<fileDetails><reportId>1</reportId><fileId>f</fileId><fileRelevance>No</fileRelevance></fileDetails>",
            "/fileDetails/fileRelevance: must be one of ['Reported', 'Supplemental Reported'] (by the schema)",
        ),
        (
            b"<fileDetails><reportId>1</reportId><fileId>f</fileId><additionalInfo> </additionalInfo></fileDetails>",
            "/fileDetails/additionalInfo: must not be blank (by the schema)",
        ),
    ],
)
def test_problems_read_well(body: bytes, expected: str) -> None:
    assert [str(problem) for problem in validate(body)] == [expected]


def test_a_location_hint_fetches_nothing() -> None:
    hint = b"""<report xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xsi:noNamespaceSchemaLocation="http://127.0.0.1:9/own.xsd"/>"""
    assert [problem.path for problem in validate(hint)] == ["/report"]


def test_problems_are_bounded() -> None:
    details = b"<reportId>1</reportId><fileId>f</fileId>" + b"<additionalInfo> </additionalInfo>" * 200
    assert len(validate(b"<fileDetails>" + details + b"</fileDetails>")) == MAX_PROBLEMS


def test_the_published_schema_decides_too() -> None:
    drafted = draft(minimal(), now=NOW, published_xsd=STRICTER)
    assert [(problem.path, problem.by) for problem in drafted.problems] == [("/report", "NCMEC's schema")]


@pytest.mark.parametrize("schema", [b"", b"<html/>", REFERRING, BOMB, b"<!DOCTYPE html><html>"])
def test_a_published_schema_that_cannot_be_used_stops_the_report(schema: bytes) -> None:
    drafted = draft(minimal(), now=NOW, published_xsd=schema)
    assert {problem.by for problem in drafted.problems} == {"NCMEC's schema"}
    with pytest.raises(InvalidInputError):
        published_schema(schema)


def test_a_file_is_never_taken_for_a_document(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_bytes(draft(minimal(), now=NOW).report_xml)
    with pytest.raises(InvalidInputError):
        safe_root(str(path).encode())
