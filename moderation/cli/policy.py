"""`moderation policy`: check a policy document and its cases, and see its rules."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import signal_specs
from moderation.cli.files import policy_text
from moderation.cli.output import console, errors, print_json
from moderation.domain.errors import PolicyError
from moderation.domain.verdict import RuleStatus
from moderation.policy.cases import CaseOutcome, read_cases, run_cases, untried_rules
from moderation.policy.compile import Policy, compile_policy
from moderation.policy.problems import InvalidPolicyError
from moderation.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Policies: which posts are held or rejected, and why.")
FileArgument = Annotated[Path | None, typer.Argument(help="A policy document; the policy in force if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def check(
    file: FileArgument = None,
    cases: Annotated[Path | None, typer.Option(help="A folder of cases; `cases` beside the document.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a policy and judge its cases; exits with 1 and every problem at once if something is wrong.

    Example: moderation policy check policies/feed.yaml
    """
    path = file or load_settings().policy
    try:
        policy = _compiled(path)
        outcomes = _outcomes(policy, cases or path.parent / "cases", explicit=cases is not None)
    except InvalidPolicyError as error:
        if not as_json:
            raise
        print_json({"ok": False, "file": error.source.name, "problems": _problems(error)})
        sys.exit(1)
    wrong = [(source, outcome) for source, outcome in outcomes if outcome.differences]
    if as_json:
        print_json(_summary(policy, outcomes))
    else:
        for source, outcome in wrong:
            errors.print(f"{source}: {outcome.case.name}: {'; '.join(outcome.differences)}", markup=False)
        _print_summary(policy, outcomes)
    if wrong:
        sys.exit(1)


@app.command("list")
def list_rules(file: FileArgument = None, as_json: AsJson = False) -> None:
    """List a policy's rules and thresholds, in the order in which they decide.

    Example: moderation policy list
    """
    policy = _compiled(file or load_settings().policy)
    if as_json:
        print_json(
            {
                "policy": policy.name,
                "digest": policy.digest,
                "thresholds": {name: threshold.value for name, threshold in policy.thresholds.items()},
                "rules": [
                    {
                        "name": rule.name,
                        "status": rule.status,
                        "verdict": rule.verdict,
                        "queue": rule.queue,
                        "category": rule.category,
                        "when": rule.when,
                    }
                    for rule in policy.rules
                ],
            }
        )
        return
    console.print(f"{policy.name}: {policy.description}", markup=False, soft_wrap=True)
    table = Table("rule", "status", "verdict", "queue", "when", box=None, header_style="bold")
    for rule in policy.rules:
        table.add_row(rule.name, rule.status, rule.verdict, rule.queue, " ".join(rule.when.split()))
    console.print(table)
    thresholds = ", ".join(f"{name} {threshold.value:g}" for name, threshold in policy.thresholds.items())
    console.print(f"thresholds: {thresholds}", markup=False, soft_wrap=True)


def _compiled(path: Path) -> Policy:
    return compile_policy(policy_text(path), signal_specs(load_settings()), source=path.name)


def _outcomes(policy: Policy, folder: Path, *, explicit: bool) -> list[tuple[str, CaseOutcome]]:
    """The cases of the file that is named as the policy, and of the files in a folder of that name."""
    files = sorted([*folder.glob(f"{policy.name}.yaml"), *folder.glob(f"{policy.name}/*.yaml")])
    if explicit and not files:
        raise PolicyError(f"{folder} has no cases for the policy {policy.name}.", hint=f"Expected {policy.name}.yaml.")
    return [
        (path.name, outcome)
        for path in files
        for outcome in run_cases(policy, read_cases(policy_text(path), policy, source=path.name))
    ]


def _problems(error: InvalidPolicyError) -> list[dict[str, object]]:
    return [
        {
            "line": error.source.place(problem.start).line,
            "column": error.source.place(problem.start).column,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in error.problems
    ]


def _summary(policy: Policy, outcomes: Sequence[tuple[str, CaseOutcome]]) -> dict[str, object]:
    wrong = [
        {"file": source, "case": outcome.case.name, "differences": list(outcome.differences)}
        for source, outcome in outcomes
        if outcome.differences
    ]
    return {
        "ok": not wrong,
        "file": policy.source,
        "policy": policy.name,
        "digest": policy.digest,
        "rules": len(policy.rules),
        "cases": len(outcomes),
        "wrong": wrong,
        "untried": untried_rules(policy, [outcome for _, outcome in outcomes]),
        "problems": [],
    }


def _print_summary(policy: Policy, outcomes: Sequence[tuple[str, CaseOutcome]]) -> None:
    counts = [f"{sum(rule.status is status for rule in policy.rules)} {status}" for status in RuleStatus]
    console.print(f"{policy.source}: {len(policy.rules)} rules ({', '.join(counts)}), digest {policy.digest[:12]}")
    right = sum(not outcome.differences for _, outcome in outcomes)
    console.print(f"cases: {right} of {len(outcomes)} judged as expected")
    untried = untried_rules(policy, [outcome for _, outcome in outcomes])
    if untried:
        console.print(f"true in no case: {', '.join(untried)}", soft_wrap=True)
