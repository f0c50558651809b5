"""What became of rejections that authors appealed against, for those who had rejected."""

from datetime import datetime

from sqlalchemy import select

from moderation.domain.appeal import AppealState
from moderation.domain.decision import Action
from moderation.domain.ids import AccountId, PostId
from moderation.domain.job import JobKind
from moderation.domain.quality import AppealedDecision
from moderation.storage.engine import Database
from moderation.storage.review.decision_rows import undone
from moderation.storage.tables import appeals, decisions


class AppealedStore:
    """Answered appeals of one database, beside the decisions that they were against."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answered(self, account: AccountId | None, *, since: datetime, limit: int = 500) -> list[AppealedDecision]:
        """Rejections whose appeal was answered since then, newest answer first; everybody's when `account` is None.

        A rejection that two people took stands there for each of them.
        """
        query = (
            select(appeals.c.post_id, appeals.c.state, appeals.c.resolved_at, decisions)
            .join_from(appeals, decisions, decisions.c.post_id == appeals.c.post_id)
            .where(appeals.c.resolved_at >= since, appeals.c.state != AppealState.OPEN.value)
            .where(decisions.c.action == Action.REJECT, decisions.c.decided_at <= appeals.c.opened_at)
            .where(decisions.c.kind.not_in([JobKind.GOLD, JobKind.APPEAL]), ~undone())
            .order_by(appeals.c.resolved_at.desc(), decisions.c.number.desc())
            .limit(limit)
        )
        if account is not None:
            query = query.where(decisions.c.account_id == account)
        with self._database.read() as connection:
            return [
                AppealedDecision(
                    post_id=PostId(row.post_id),
                    account=AccountId(row.account_id),
                    category=row.category,
                    decided_at=row.decided_at,
                    resolved_at=row.resolved_at,
                    overturned=row.state == AppealState.OVERTURNED.value,
                )
                for row in connection.execute(query)
            ]
