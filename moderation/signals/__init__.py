"""Named measurements of a post: one module per signal type, listed in `catalog.py`."""
