"""How every command prints: tables for people, one JSON object as the last line for programs."""

import json
import sys
from typing import NoReturn

from rich.console import Console

from moderation.domain.errors import ModerationError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """`value` as one JSON object on the last line of standard output."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def fail(error: ModerationError, *, code: int = 1) -> NoReturn:
    """Print a refusal and its next step to standard error, and exit."""
    errors.print(f"[bold red]error[/] {error.code}: ", end="")
    errors.print(error.message, markup=False, soft_wrap=True)
    if error.hint:
        errors.print(f"  {error.hint}", markup=False, style="dim", soft_wrap=True)
    sys.exit(code)
