"""How processes log: one line an event on standard error, as text or JSON."""

import sys

import structlog


def configure_logs(*, as_json: bool) -> None:
    """Timestamps in UTC, level, event and fields; JSON for machines when asked."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
