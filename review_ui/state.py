"""The system's state in numbers, read from the database at the time of asking."""

from datetime import timedelta

from moderation.domain.post import PostState
from moderation.matching.weighing.recall_room import found_by_hashes_only
from moderation.storage.banks import BankStore
from moderation.storage.match_counts import MatchCountStore
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.retroaction import SweepStore
from review_ui.metrics import Gauge
from review_ui.site import Site

FAILURE_WINDOW = timedelta(minutes=5)
GIVEN_UP_WINDOW = timedelta(days=1)
FLOOD_WINDOW = timedelta(days=1)
RETROACTION_WINDOW = timedelta(days=1)


def state_gauges(site: Site) -> list[Gauge]:
    """Every gauge of `/metrics`. Raises `UnavailableError` when the database does not answer."""
    now = site.clock()
    counts, oldest = site.posts.counts(), site.posts.oldest_pending_at()
    waited_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    unsettled = site.jobs.oldest_unsettled_at()
    late_s = 0.0 if unsettled is None else max(0.0, (now - unsettled).total_seconds())
    failures = site.screenings.failure_rates(now - FAILURE_WINDOW)
    banks = BankStore(site.database)
    keypoints = banks.with_keypoints()
    alive = site.lanes.alive(within_seconds=site.settings.lane_stale_seconds, now=now)
    return [
        Gauge("moderation_posts", "Posts by state.", "state", {state: counts.get(state, 0) for state in PostState}),
        Gauge("moderation_oldest_pending_seconds", "Age of the oldest post without a verdict.", "", {"": waited_s}),
        Gauge("moderation_posts_overdue", "Posts past their deadline.", "", {"": site.posts.overdue(now)}),
        Gauge("moderation_queue_depth", "Held posts that wait for a human.", "queue", site.jobs.depths()),
        Gauge("moderation_jobs_overdue", "Jobs past their deadline.", "queue", site.jobs.overdue(now)),
        Gauge("moderation_jobs_stranded", "Jobs that no account can take.", "queue", site.jobs.stranded()),
        Gauge("moderation_unsettled_seconds", "How late the oldest decision is to take effect.", "", {"": late_s}),
        Gauge("moderation_lanes_alive", "Lanes with a fresh heartbeat.", "", {"": len(alive)}),
        Gauge("moderation_outbox_backlog", "Deliveries by state.", "state", site.outbox.backlog()),
        Gauge(
            "moderation_signal_failures",
            "Failed measurements in the last five minutes.",
            "signal",
            {name: failed for name, (failed, _) in failures.items()},
        ),
        Gauge(
            "moderation_signal_measurements",
            "Measurements in the last five minutes, failed ones included.",
            "signal",
            {name: total for name, (_, total) in failures.items()},
        ),
        Gauge(
            "moderation_candidates_given_up",
            "Candidate models that lanes stopped asking in the last day, for their process kept dying.",
            "signal",
            ModelRoleStore(site.database).given_up(now - GIVEN_UP_WINDOW, now),
        ),
        Gauge(
            "moderation_bank_floods",
            "Bank entries that were demoted in the last day, for they suddenly matched too much.",
            "bank",
            MatchCountStore(site.database).floods(now - FLOOD_WINDOW),
        ),
        Gauge(
            "moderation_bank_keypoints_left_out",
            "Bank entries whose keypoints are not held: pictures that were cut or turned are not known by them.",
            "effect",
            {kind: float(number) for kind, number in found_by_hashes_only(banks.definitions(), keypoints).items()},
        ),
        Gauge(
            "moderation_retroaction_due",
            "Posts judged before that bank entries of the last day match, by what a sweep would do with them.",
            "result",
            SweepStore(site.database).due(now - RETROACTION_WINDOW, now),
        ),
    ]
