"""A browser's own long description of itself, in words for people. Never trusted, only shown."""

import re

_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"OPR/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:HeadlessChrome|Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/")),
)
"""In this order: nearly all of them claim to be the ones further down, too."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MAX_CHARS = 60


def browser_words(description: str) -> str:
    """E.g. "Firefox 148 on Linux"; the description's beginning where it is of another kind."""
    system = next((words for mark, words in _SYSTEMS if mark in description), "")
    for name, form in _BROWSERS:
        if found := form.search(description):
            return f"{name} {found[1]} on {system}" if system else f"{name} {found[1]}"
    return description[:MAX_CHARS] or "unknown"
