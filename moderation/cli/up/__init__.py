"""`moderation up`: starts every process of an installation on this machine, feeds it posts, and stops it cleanly."""

from moderation.cli.up.command import up

__all__ = ["up"]
