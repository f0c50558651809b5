"""`moderation post`: one post's whole story, and its verdict reached again."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import replay_parts
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.appeal import Appeal
from moderation.domain.decision import Decision, Source
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.post import Post, PostState
from moderation.domain.verdict import Screening
from moderation.policy.explain import explain
from moderation.screening.replay import replay as replay_verdict
from moderation.storage.posts import PostStore
from moderation.storage.review.appeals import AppealStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.screenings import ScreeningStore

app = typer.Typer(no_args_is_help=True, help="Posts: their states, explanations and replays.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
PostArgument = Annotated[str, typer.Argument(help="The post's id.")]


@app.command("list")
def list_posts(
    state: Annotated[PostState | None, typer.Option(help="Only posts in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Posts to print, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List posts, newest first.

    Example: moderation post list --state held
    """
    with session() as opened:
        posts = PostStore(opened.database).list(state=state, limit=limit)
    if as_json:
        print_json({"posts": [_post_row(post) for post in posts]})
        return
    table = Table(box=None, header_style="bold")
    table.add_column("post", no_wrap=True, min_width=36)
    for column in ("state", "received", "caption"):
        table.add_column(column)
    for post in posts:
        table.add_row(post.id, post.state.value, post.received_at.isoformat(timespec="seconds"), post.caption[:60])
    console.print(table)


@app.command()
def show(post_id: PostArgument, as_json: AsJson = False) -> None:
    """Explain a post: its state, what every signal said, which rules fired with which numbers, and what people decided.

    Example: moderation post show 0197…
    """
    with session() as opened:
        post = _post(PostStore(opened.database), post_id)
        screening = ScreeningStore(opened.database).latest(post.id)
        decisions = DecisionStore(opened.database).of_post(post.id)
        appeals = AppealStore(opened.database).of_post(post.id)
    if as_json:
        print_json(
            {
                "post": _post_row(post),
                "screening": asdict(screening) if screening else None,
                "decisions": [asdict(decision) for decision in decisions],
                "appeals": [asdict(appeal) for appeal in appeals],
            }
        )
        return
    for name, value in _post_row(post).items():
        console.print(f"{name:>12}  {value}", markup=False)
    console.print()
    lines = explain(screening) if screening else ["No screening yet."]
    for line in [*lines, *decision_lines(decisions, appeals)]:
        console.print(line, markup=False)


def decision_lines(decisions: Sequence[Decision], appeals: Sequence[Appeal]) -> list[str]:
    """What people decided and what authors said against it, oldest first; nothing when there is nothing to tell."""
    told = [(decision.decided_at, _decision_line(decision)) for decision in decisions]
    told += [(appeal.opened_at, f"appeal, {appeal.state.value}: {appeal.text}") for appeal in appeals]
    lines = [f"{at.isoformat(timespec='seconds')}  {line}" for at, line in sorted(told)]
    return ["", "Decisions:", *(f"  {line}" for line in lines)] if lines else []


def _decision_line(decision: Decision) -> str:
    why = f" ({decision.category}: {', '.join(decision.reasons)})" if decision.category else ""
    how = "carried from the cluster" if decision.source is Source.CARRIED else decision.kind.value
    fate = decision.fate.value if decision.fate else "not in effect" if decision.binding else "measures only"
    note = f" — {decision.note}" if decision.note else ""
    return f"{decision.action.value}{why} by account {decision.account}, {how}, {fate}{note}"


@app.command()
def replay(post_id: PostArgument, as_json: AsJson = False) -> None:
    """Screen a post again with the policy and banks that its verdict pinned; exits with 1 if the verdict differs.

    Nothing is stored. What differs in versions or values is listed, also when the verdict is the same.

    Example: moderation post replay 0197…
    """
    with session() as opened:
        post = _post(PostStore(opened.database), post_id)
        screening = _screening(ScreeningStore(opened.database), post)
        with replay_parts(opened.settings, opened.database, screening) as parts:
            result = replay_verdict(parts, post, screening)
    if as_json:
        print_json(
            {
                "same": result.same,
                "before": result.before.verdict,
                "after": result.after.verdict,
                "changes": list(result.changes),
            }
        )
    else:
        style = "green" if result.same else "bold red"
        console.print(f"[{style}]{'the same' if result.same else 'different'}[/]: {result.after.verdict}")
        for change in result.changes:
            console.print(f"  {change}", markup=False)
    if not result.same:
        raise typer.Exit(1)


def _post(store: PostStore, post_id: str) -> Post:
    post = store.get(PostId(post_id))
    if post is None:
        raise NotFoundError(f"There is no post {post_id}.", hint="`moderation post list` prints ids.")
    return post


def _screening(store: ScreeningStore, post: Post) -> Screening:
    screening = store.latest(post.id)
    if screening is None:
        raise NotFoundError(f"Post {post.id} was never screened; it is {post.state}.")
    return screening


def _post_row(post: Post) -> dict[str, str | int]:
    return {
        "id": post.id,
        "state": post.state.value,
        "author": post.author.id,
        "caption": post.caption,
        "prompt": post.prompt,
        "image": post.image,
        "image_bytes": post.image_bytes,
        "received_at": post.received_at.isoformat(timespec="milliseconds"),
        "deadline_at": post.deadline_at.isoformat(timespec="milliseconds"),
    }
