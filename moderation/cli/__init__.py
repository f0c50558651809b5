"""The `moderation` command. Errors are one clear line and a non-zero exit, never a traceback."""

import sys

from moderation.cli.app import app
from moderation.cli.output import fail
from moderation.domain.errors import ModerationError


def main() -> None:
    """Run the command line; exits with 1 on a refusal, 2 on wrong usage, 130 on Ctrl-C."""
    try:
        app()
    except ModerationError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
