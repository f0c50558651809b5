"""What every page of the console shares: the bar with what the person may open, filters, headers, failures as pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from moderation.domain.people import Capability, Person

CONSOLE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
}
"""Without a referrer policy of its own the site's would make browsers send `Origin: null` with forms."""
THEMES = frozenset({"light", "dark"})
MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the bar, for whoever has one of `capabilities` (none: for everybody who is signed in)."""

    name: str
    title: str
    href: str
    about: str
    capabilities: frozenset[Capability] = frozenset()
    restricted: bool = False
    """Whether it is only for people who were let into a restricted queue."""


_WORK = frozenset({Capability.DECIDE})
_READ = frozenset({Capability.READ_POSTS})
_LEAD = frozenset({Capability.LEAD})
_BANKS = frozenset({Capability.BANKS})

SECTIONS = (
    Section("work", "Work", "/console", "What waits for you"),
    Section("queues", "Queues", "/console/queues", "What waits, in the order in which it is handed out", _READ),
    Section("search", "Search", "/console/search", "Every post, by words, author, picture, state and time", _READ),
    Section("restricted", "Restricted", "/console/restricted", "Evidence and reports", _READ, restricted=True),
    Section("mine", "Mine", "/console/mine", "What you decided, and what became of it", _WORK),
    Section("quality", "Quality", "/console/quality", "Agreement, gold items, overturned decisions", _WORK | _LEAD),
    Section("wellbeing", "Wellbeing", "/console/wellbeing", "What you have seen, breaks, preferences", _WORK),
    Section("dashboard", "Dashboard", "/console/dashboard", "How the queues, the rules and the team are doing", _LEAD),
    Section("plan", "Plan", "/console/plan", "Queues, routing, categories, budgets", frozenset({Capability.PLAN})),
    Section(
        "banks", "Banks", "/console/banks", "Known pictures, and what they match", frozenset({Capability.READ_BANKS})
    ),
    Section("exchanges", "Exchanges", "/console/exchanges", "What is shared with others, and what came of it", _BANKS),
    Section("sweeps", "Sweeps", "/console/sweeps", "What was published before a picture was banked", _BANKS),
    Section("accounts", "Accounts", "/console/accounts", "People, roles and grants", frozenset({Capability.ACCOUNTS})),
    Section(
        "audit",
        "Audit",
        "/console/audit",
        "Who did what, and whether the record is whole",
        frozenset({Capability.AUDIT}),
    ),
)


def sections_of(person: Person, restricted: frozenset[str] = frozenset()) -> list[Section]:
    """What the bar offers to `person`, in order; `restricted` are the plan's restricted queues."""
    return [one for one in SECTIONS if _offered(one, person, restricted)]


def _offered(section: Section, person: Person, restricted: frozenset[str]) -> bool:
    if section.restricted and person.queues.isdisjoint(restricted):
        return False
    return not section.capabilities or any(person.may(wanted) for wanted in section.capabilities)


class Shell:
    """The console's templates."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("review_ui"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"moment": moment, "span": span, "words": words}

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """The page's text."""
        return self._environment.get_template(template).render(**values)


def render(
    request: Request,
    template: str,
    person: Person | None,
    values: Mapping[str, object],
    *,
    status: int = 200,
) -> Response:
    """A page for `person` (None: nobody is signed in), inside the shell, with its content security policy.

    The template extends `console/base.html`, sets `section` to mark its entry of the bar, and fills the blocks `title`
    and `content`, where needed also `head`, `scripts`, `layout` and `side`. Beside `values` it sees `person`, `csrf`,
    `theme` and `sections`.
    """
    shell = request.app.state.shell
    assert isinstance(shell, Shell)
    theme = "" if person is None else str(person.preferences.get("theme", ""))
    desk = getattr(request.app.state, "desk", None)
    restricted = desk.restricted_queues() if desk is not None else frozenset()
    shared: dict[str, object] = {
        "person": person,
        "csrf": csrf_of(request),
        "theme": theme if theme in THEMES else "",
        "sections": [] if person is None else sections_of(person, restricted),
    }
    body = shell.render(template, shared | dict(values))
    return Response(body, status, headers=dict(CONSOLE_HEADERS), media_type="text/html")


def csrf_of(request: Request) -> str:
    """The session's token for forms, as access control left it on the request; "" without a session."""
    return str(getattr(request.state, "csrf", ""))


def moment(at: datetime | None, style: str = "short") -> Markup:
    """A time as an element: UTC as it is sent, the reader's own zone once `shell.js` has run. a dash for None.

    `style` is short (day and time), time, day, or ago (how long since, growing).
    """
    if at is None:
        return Markup("&ndash;")
    shown = at.strftime({"time": "%H:%M", "day": "%d %b %Y"}.get(style, "%d %b %H:%M"))
    zone = "" if style == "day" else " UTC"
    return Markup('<time datetime="{}" data-style="{}">{}{}</time>').format(at.isoformat(), style, shown, zone)


def span(length: float | timedelta) -> str:
    """Seconds in words for people: "45 s", "3 min", "2 h 05 min", "2 h", "4 d"; its sign is dropped."""
    seconds = abs(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min"
    if seconds < DAY_S:
        minutes = f" {seconds % HOUR_S // MINUTE_S:02.0f} min" if seconds % HOUR_S >= MINUTE_S else ""
        return f"{seconds // HOUR_S:.0f} h{minutes}"
    return f"{seconds // DAY_S:.0f} d"


def words(name: str) -> str:
    """A name of policy or plan as words: "self_harm" and "signal-failure" as "self harm" and "signal failure"."""
    return name.replace("_", " ").replace("-", " ")
