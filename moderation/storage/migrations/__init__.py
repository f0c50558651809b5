"""Alembic's environment. Files in `versions/` are never changed once released; add a new one instead."""
