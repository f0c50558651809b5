"""The report's form: what its fields are called and offer, and reading them from what a browser sends."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from moderation.domain.errors import InvalidInputError
from moderation.reporting.cybertip_facts import CaptureEvent, FileAnnotation, IncidentType, IndustryClassification
from moderation.reporting.cybertip_form import ReportForm
from review_ui.console.forms import Form

MOMENTS = ("incident_at", "ip_at")
OPTIONAL = ("classification", "ip_at")
"""Fields that an empty value leaves out."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the lists offer: value and words."""

    incident_types: Mapping[str, str]
    classifications: Mapping[str, str]
    annotations: Mapping[str, str]
    ip_events: Mapping[str, str]


PLACES: Mapping[str, str] = {
    "/fileDetails": "The file",
    "/fileDetails/fileViewedByEsp": "Did a person at the company see the whole file?",
    "/fileDetails/exifViewedByEsp": "Did a person see its EXIF data?",
    "/fileDetails/industryClassification": "Classification",
    "/fileDetails/originalFileName": "Original file name",
    "/report/additionalInfo": "What is reported, in your own words",
    "/report/incidentSummary/incidentType": "Kind of incident",
    "/report/incidentSummary/incidentDateTime": "When it happened",
    "/report/incidentSummary/incidentDateTimeDescription": "What that moment is",
    "/report/incidentSummary/escalateToHighPriority": "Why this report is urgent",
    "/report/personOrUserReported/screenName": "Screen name",
    "/report/personOrUserReported/ipCaptureEvent": "IP address",
    "/report/reporter/reportingPerson/email": "The organisation's e-mail address, which an administrator sets",
    "/report/reporter/legalURL": "The organisation's legal address, which an administrator sets",
}
"""What the form calls the elements of the documents."""


def place_of(path: str) -> str:
    """Where in the form an element of the documents comes from; its path where the form has no field for it."""
    return PLACES.get(path, path or "The report")


CHOICES = Choices(
    incident_types={
        IncidentType.ABUSE_MATERIAL: "Abuse material: possession, making, distribution",
        IncidentType.TRAFFICKING: "Trafficking",
        IncidentType.TOURISM: "Tourism",
        IncidentType.MOLESTATION: "Molestation",
        IncidentType.ENTICEMENT: "Online enticement",
        IncidentType.UNSOLICITED_MATERIAL: "Unsolicited material sent to a child",
        IncidentType.MISLEADING_CONTENT: "Misleading words or images",
        IncidentType.MISLEADING_DOMAIN: "Misleading domain name",
    },
    classifications={
        IndustryClassification.A1: "A1: younger, gravest content",
        IndustryClassification.A2: "A2: younger, other content",
        IndustryClassification.B1: "B1: older, gravest content",
        IndustryClassification.B2: "B2: older, other content",
    },
    annotations={
        FileAnnotation.GENERATIVE_AI: "Made by generative AI",
        FileAnnotation.DRAWN_OR_VIRTUAL: "Drawn or virtual",
        FileAnnotation.POTENTIAL_MEME: "Potential meme",
        FileAnnotation.VIRAL: "Viral",
        FileAnnotation.POSSIBLE_SELF_PRODUCTION: "Possibly self-produced",
        FileAnnotation.PHYSICAL_HARM: "Physical harm",
        FileAnnotation.VIOLENCE_GORE: "Violence",
        FileAnnotation.BESTIALITY: "Animals involved",
        FileAnnotation.LIVE_STREAMING: "Live stream",
        FileAnnotation.INFANT: "Infant",
    },
    ip_events={event: event.value for event in CaptureEvent},
)


def read_report(sent: Form) -> ReportForm:
    """The form as it was sent; times are UTC. Raises `InvalidInputError` that names every field that is wrong."""
    values: dict[str, object] = {
        name: sent[name].replace("\r\n", "\n") for name in ReportForm.model_fields if name in sent
    }
    values["annotations"] = frozenset(sent.all("annotations"))
    for name in MOMENTS:
        if values.get(name):
            values[name] = f"{values[name]}Z"
    for name in OPTIONAL:
        if not values.get(name):
            values.pop(name, None)
    try:
        return ReportForm.model_validate(values)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in item['loc'][:1]).replace('_', ' ')}: {item['msg'].lower()}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidInputError(f"Not kept: {'; '.join(wrong)}.", hint="What you typed is still here.") from None
