"""The moderation library: it knows no web framework and no orchestrator."""

__version__ = "0.1.0"
