"""The two checks of every evaluation: nothing is worse than in the release before, and no fixed limit is broken."""

from collections.abc import Callable, Sequence

import dagster as dg

from moderation.evaluation.regression import Figures, Regression

SET_FACTS = ("sha256", "examples", "pictures")
"""What is the same of a set as long as nothing was put in or taken out; each kind of set has some of it."""
NO_REGRESSION = "no_regression"
WITHIN_LIMITS = "within_limits"


def specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of the evaluation `key`."""
    return [
        dg.AssetCheckSpec(
            NO_REGRESSION, asset=key, description="No figure fell past the interval that it had in the last release."
        ),
        dg.AssetCheckSpec(WITHIN_LIMITS, asset=key, description="False alarms and what obfuscation costs keep limits."),
    ]


def no_regression(
    key: dg.AssetKey, before: Figures | None, now: Figures, compare: Callable[[Figures, Figures], Sequence[Regression]]
) -> dg.AssetCheckResult:
    """Passed when nothing is worse than what was recorded of the same set; `compared` says whether anything was.

    A set without recorded figures (on the first run, or a new one beside recorded ones) passes, and is told apart from
    one that was compared. A set whose contents changed since cannot be compared: that is a warning, until its figures
    are recorded anew.
    """
    passed, compared, severity = True, False, dg.AssetCheckSeverity.ERROR
    if before is None:
        told = "not compared: nothing is recorded of this set yet, see moderation eval --record"
    elif any(before.get(fact) != now.get(fact) for fact in SET_FACTS):
        told = "not compared: the set is not the one that was recorded, see moderation eval --record"
        passed, severity = False, dg.AssetCheckSeverity.WARN
    else:
        found = compare(before, now)
        told, passed, compared = _told(found), not found, True
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=NO_REGRESSION,
        severity=severity,
        description=told,
        metadata={"worse": dg.MetadataValue.text(told), "compared": dg.MetadataValue.bool(compared)},
    )


def within_limits(key: dg.AssetKey, found: Sequence[Regression]) -> dg.AssetCheckResult:
    """Passed when no fixed limit is broken."""
    return dg.AssetCheckResult(
        passed=not found, asset_key=key, check_name=WITHIN_LIMITS, metadata={"broken": _told(found)}
    )


def _told(found: Sequence[Regression]) -> str:
    return "; ".join(map(str, found)) or "none"
