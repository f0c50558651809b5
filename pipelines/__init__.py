"""Dagster: lanes that screen posts, and the assets and checks around them."""
