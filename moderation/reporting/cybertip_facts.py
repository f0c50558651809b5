"""What a CyberTipline report says, as typed values: everything is known before the first line of XML is written.

Names and allowed values are those of NCMEC's published schema; `schema/cybertip.xsd` names what was read.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import PostId


class IncidentType(StrEnum):
    """What kind of incident is reported; the values are the schema's own words."""

    ABUSE_MATERIAL = "Child Pornography (possession, manufacture, and distribution)"
    TRAFFICKING = "Child Sex Trafficking"
    TOURISM = "Child Sex Tourism"
    MOLESTATION = "Child Sexual Molestation"
    MISLEADING_DOMAIN = "Misleading Domain Name"
    MISLEADING_CONTENT = "Misleading Words or Digital Images on the Internet"
    ENTICEMENT = "Online Enticement of Children for Sexual Acts"
    UNSOLICITED_MATERIAL = "Unsolicited Obscene Material Sent to a Child"


class CaptureEvent(StrEnum):
    """During what an IP address was recorded."""

    LOGIN = "Login"
    REGISTRATION = "Registration"
    PURCHASE = "Purchase"
    UPLOAD = "Upload"
    OTHER = "Other"
    UNKNOWN = "Unknown"


class FileAnnotation(StrEnum):
    """Tags on the file."""

    DRAWN_OR_VIRTUAL = "animeDrawingVirtualHentai"
    POTENTIAL_MEME = "potentialMeme"
    VIRAL = "viral"
    POSSIBLE_SELF_PRODUCTION = "possibleSelfProduction"
    PHYSICAL_HARM = "physicalHarm"
    VIOLENCE_GORE = "violenceGore"
    BESTIALITY = "bestiality"
    LIVE_STREAMING = "liveStreaming"
    INFANT = "infant"
    GENERATIVE_AI = "generativeAi"


class IndustryClassification(StrEnum):
    """The industry's scale: A or B for the apparent age, 1 or 2 for the rank of the content."""

    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"


class FileRelevance(StrEnum):
    """Whether the file is what the report is about, or context for it."""

    REPORTED = "Reported"
    SUPPLEMENTAL = "Supplemental Reported"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at the reporting company; the schema asks for the address and nothing else."""

    email: str
    first_name: str = ""
    last_name: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Reporter:
    """The company that reports: set once by the operator, the same in every report.

    `platform` is the service's full name. `contact` is whom law enforcement should ask, when that is not `person`.
    `template` is standing text: how legal process is served, how long data is kept, a number that answers at night.
    """

    company: str
    platform: str
    person: Contact
    contact: Contact | None = None
    template: str = ""
    terms_of_service: str = ""
    legal_url: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    """An address of the reported person; `verified` is None when nobody knows."""

    address: str
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class IpCapture:
    """An IP address as the feed's backend recorded it."""

    address: str
    event: CaptureEvent = CaptureEvent.UNKNOWN
    at: datetime | None = None
    possible_proxy: bool | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class ReportedPerson:
    """The author, as far as the account is known. Empty fields are left out of the report.

    `suspended_at` and `disabled_at` are when the account was disabled for a time, or for good. `prior_reports` are
    NCMEC's ids of earlier reports on this author.
    """

    author_id: str
    screen_name: str = ""
    display_names: tuple[str, ...] = ()
    profile_urls: tuple[str, ...] = ()
    profile_bio: str = ""
    emails: tuple[Email, ...] = ()
    ip_captures: tuple[IpCapture, ...] = ()
    prior_reports: tuple[int, ...] = ()
    suspended_at: datetime | None = None
    disabled_at: datetime | None = None
    account_age_days: float | None = None
    published_posts: int | None = None


@dataclass(frozen=True, slots=True)
class ReportedPost:
    """The post and its image. `image_sha256` and `image_md5` are hexadecimal, of the bytes as they were uploaded.

    Caption and prompt stay out of the representation, so that no log repeats them.
    """

    id: PostId
    uploaded_at: datetime
    caption: str = field(default="", repr=False)
    prompt: str = field(default="", repr=False)
    image_sha256: str = ""
    image_md5: str = ""
    file_name: str = ""
    url: str = ""
    publicly_available: bool | None = None
    annotations: frozenset[FileAnnotation] = frozenset({FileAnnotation.GENERATIVE_AI})
    classification: IndustryClassification | None = None
    relevance: FileRelevance = FileRelevance.REPORTED
    upload_ip: IpCapture | None = None


@dataclass(frozen=True, slots=True)
class Viewed:
    """What a person at the reporting company looked at before the report. There is no default.

    Courts decide by this whether the file may be opened without a warrant: true means that a person saw the whole
    file, never that a classifier or a hash did.
    """

    file: bool
    exif: bool


@dataclass(frozen=True, slots=True)
class CyberTipFacts:
    """One report on one post. `high_priority` is why a child is in danger now; empty unless someone says so."""

    incident_type: IncidentType
    incident_at: datetime
    reporter: Reporter
    person: ReportedPerson
    post: ReportedPost
    viewed: Viewed
    moderator_note: str = field(default="", repr=False)
    incident_at_note: str = ""
    high_priority: str = ""
