"""Who made the sample posts."""

from moderation.domain.post import Author

REGULARS: tuple[Author, ...] = (
    Author("amber-lens", 1260.0, 412),
    Author("prompt-garden", 88.0, 37),
    Author("nightbus", 401.5, 96),
    Author("quiet-pixels", 730.0, 1503),
    Author("someone-else"),
)
"""Authors of some standing, and one of whom nothing is known."""
NEWCOMER = Author("first-steps", 0.4, 0)
"""An account made this morning."""
