"""Files that commands read and write, with refusals instead of tracebacks."""

from pathlib import Path

from moderation.domain.errors import PolicyError, UnavailableError


def policy_text(path: Path) -> str:
    """The text of a policy or review plan. Raises `PolicyError` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PolicyError(f"{path} cannot be read: {reason}.") from error


def write_page(path: Path, page: str) -> None:
    """Write a page of HTML; what is no text becomes question marks. Raises `UnavailableError` when it cannot be."""
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror}.") from error
