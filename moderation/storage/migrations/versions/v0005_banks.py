"""Opinions, dates, secondary hashes and keypoints of bank entries, and how often each matched."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
