"""`moderation plan`: check a review plan, and print the one in force."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from moderation.assembly import compile_file, compile_review_plan, open_database, plan_source
from moderation.cli.files import policy_text
from moderation.cli.output import console, errors, print_json
from moderation.policy.problems import InvalidPolicyError
from moderation.review.plan import Plan
from moderation.review.plan_changes import policy_gaps
from moderation.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="The review plan: queues, categories, routing, limits.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A review plan; the file of the settings if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a review plan, and that it has every queue and category of the policy; exits with 1 if not.

    Example: moderation plan check policies/review.yaml
    """
    settings = load_settings()
    path = file or settings.review_plan
    try:
        plan = compile_review_plan(policy_text(path), path.name, settings=settings)
    except InvalidPolicyError as error:
        if not as_json:
            raise
        places = [(problem, error.source.place(problem.start)) for problem in error.problems]
        problems = [
            {"line": place.line, "column": place.column, "message": problem.message, "hint": problem.hint}
            for problem, place in places
        ]
        print_json({"ok": False, "file": path.name, "problems": problems})
        sys.exit(1)
    gaps = policy_gaps(plan, compile_file(settings, policy_text(settings.policy)).rules)
    if as_json:
        print_json({"ok": not gaps, "file": path.name, "gaps": gaps, **_figures(plan)})
    else:
        for gap in gaps:
            errors.print(gap, markup=False)
        _print_summary(plan)
    if gaps:
        sys.exit(1)


@app.command()
def show() -> None:
    """Print the text of the plan in force: the version that was saved last, or the file.

    Example: moderation plan show > review.yaml
    """
    settings: Settings = load_settings()
    database = open_database(settings)
    try:
        sys.stdout.write(plan_source(settings, database).current().text)
    finally:
        database.close()


def _figures(plan: Plan) -> dict[str, int]:
    return {
        "queues": len(plan.queues),
        "restricted": len(plan.restricted_queues),
        "categories": len(plan.categories),
        "rules": len(plan.routing),
    }


def _print_summary(plan: Plan) -> None:
    counts = _figures(plan)
    console.print(
        f"{plan.source} is valid: {counts['queues']} queues ({counts['restricted']} restricted), "
        f"{counts['categories']} categories, {counts['rules']} routing rules.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
