"""Exchanges: their settings, checkpoints and what is sent back."""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
