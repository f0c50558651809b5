"""What the job screen's form says, as a submission."""

import uuid
from math import isfinite

from moderation.domain.decision import Action, Submission
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import BatchId, JobId, PostId
from review_ui.console.forms import Form

MAX_SECONDS = 24 * 3600.0
MAX_CODES = 20
MAX_EXCEPTIONS = 1_000


def submission_of(form: Form, job_id: JobId) -> Submission:
    """The submission in a form: `choice` is an action, for a rejection with its category as in "reject:adult".

    Raises `InvalidInputError` for a field that is missing or malformed; whether it fits the job is not asked here.
    """
    chosen, _, category = form.get("choice", "").partition(":")
    try:
        action = Action(chosen)
    except ValueError:
        raise InvalidInputError("Nothing was chosen.") from None
    reasons, exceptions = form.all("reason"), form.all("exception")
    if len(reasons) > MAX_CODES or len(exceptions) > MAX_EXCEPTIONS:
        raise InvalidInputError("The form has too many values.")
    return Submission(
        batch=_batch(form.get("batch", "")),
        job_id=job_id,
        token=form.get("token", "")[:200],
        action=action,
        category=category,
        reasons=tuple(dict.fromkeys(reasons)),
        note=form.get("note", "").strip(),
        queue=form.get("queue", ""),
        exceptions=frozenset(PostId(post_id) for post_id in exceptions),
        seconds=seconds_of(form.get("seconds", "")),
    )


def _batch(text: str) -> BatchId:
    try:
        return BatchId(str(uuid.UUID(text)))
    except ValueError:
        raise InvalidInputError("The submission has no id.") from None


def seconds_of(text: str) -> float:
    """How long the person had the job, 0 when the browser does not say."""
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), MAX_SECONDS) if isfinite(seconds) else 0.0
