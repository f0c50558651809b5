"""The machine-facing API."""
