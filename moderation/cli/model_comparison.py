"""What a candidate would change, as a document for programs, as tables, and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from moderation.domain.ids import PostId
from moderation.domain.model_role import ModelPin
from moderation.domain.post import Post
from moderation.domain.signal import SignalSpec
from moderation.domain.verdict import Verdict
from moderation.media.untrusted_text import printable
from moderation.reporting.evaluation.page import page, table
from moderation.reporting.evaluation.svg import element
from moderation.screening.candidates import ColumnDifference, Comparison

Document: TypeAlias = dict[str, Any]
Rows: TypeAlias = Sequence[Sequence[object]]

NOTHING_YET = (
    "No post was measured by both in that time. Lanes ask a candidate about posts that they screen while it is one: "
    "send some, or wait, and run this again."
)
WORDS = frozenset({"how many", "threshold", "before", "after", "rule before", "rule after", "caption", "prompt"})
"""Columns that hold no numbers, or more than one."""


def as_document(
    found: Comparison, spec: SignalSpec, pin: ModelPin, *, skipped: int, policy: str, posts: Mapping[PostId, Post]
) -> Document:
    """Everything that was found, in plain values; texts of the examples where `posts` has them."""
    return {
        "slot": spec.name,
        "candidate": {"name": pin.name, "digest": pin.digest},
        "policy": policy,
        "posts": found.posts,
        "changed": found.changed,
        "skipped": skipped,
        "incomplete": found.incomplete,
        "readers": list(found.readers),
        "failures": {"live": dict(found.live_failures), "candidate": dict(found.failures)},
        "ms_per_post": {
            "mean": found.mean_seconds * 1e3,
            "p95": found.p95_seconds * 1e3,
            "live_declared": spec.cost_ms,
        },
        "verdicts": [
            {"before": before, "after": after, "posts": found.verdicts.get((before, after), 0)}
            for before in Verdict
            for after in Verdict
        ],
        "rules": {"gained": dict(found.gained), "lost": dict(found.lost)},
        "columns": [_column(one) for one in found.columns],
        "examples": [
            {
                "post": one.post_id,
                "before": one.before,
                "after": one.after,
                "rule_before": one.rule_before,
                "rule_after": one.rule_after,
                **_texts(posts.get(one.post_id)),
            }
            for one in found.examples
        ],
    }


def print_comparison(console: Console, document: Document) -> None:
    """The same as tables."""
    for title, header, rows in tables(document):
        shown = Table(*header, title=title, title_justify="left", box=None, header_style="bold", title_style="bold")
        for row in rows:
            shown.add_row(*(Text(_shown(value)) for value in row))
        console.print(shown if rows else f"[bold]{title}[/]: none")
        console.print()
    if not document["posts"]:
        console.print(NOTHING_YET, markup=False, soft_wrap=True)


def _shown(value: object) -> str:
    """For a terminal: captions are written by strangers."""
    text = str(value)
    return printable(text, len(text))


def as_page(document: Document) -> str:
    """The same as one page of HTML that needs nothing else, in the style of the evaluations' reports."""
    found = list(tables(document))
    parts = [(f"part-{number}", title, _section(header, rows)) for number, (title, header, rows) in enumerate(found, 1)]
    return page(f"{document['candidate']['name']} for {document['slot']}", _intro(document), parts)


def _intro(document: Document) -> list[str]:
    digest = f"Candidate {document['candidate']['name']}, SHA-256 {document['candidate']['digest']}"
    return [digest] if document["posts"] else [digest, NOTHING_YET]


def tables(document: Document) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """Title, header and rows of every table; without a post only the first."""
    cost, failures = document["ms_per_post"], document["failures"]
    took = f"{cost['mean']:.1f}, {cost['p95']:.1f}" if document["posts"] else "not measured"
    yield (
        f"{document['candidate']['name']} as {document['slot']}, under the policy {document['policy']}",
        ("what", "how many"),
        [
            ("posts compared", f"{document['posts']:,}"),
            ("posts whose verdict would change", f"{document['changed']:,}"),
            ("posts that the candidate was not asked about", f"{document['skipped']:,}"),
            ("posts from before the policy's signals, left out", f"{document['incomplete']:,}"),
            ("signals that read this one, not measured again", ", ".join(document["readers"]) or "none"),
            ("failures of the candidate", _counts(failures["candidate"])),
            ("failures of the live model", _counts(failures["live"])),
            ("candidate, ms a post (mean, 95 %)", took),
            ("live, ms a post as declared", f"{cost['live_declared']:.1f}"),
        ],
    )
    if not document["posts"]:
        return
    counts = {(one["before"], one["after"]): one["posts"] for one in document["verdicts"]}
    yield (
        "Verdicts: before in rows, after in columns",
        ("", *(verdict.value for verdict in Verdict)),
        [(before.value, *(f"{counts[before, after]:,}" for after in Verdict)) for before in Verdict],
    )
    rules = document["rules"]
    yield (
        "Rules: posts for which they are true after and were not before, and the other way round",
        ("rule", "gained", "lost"),
        [
            (name, f"{rules['gained'].get(name, 0):,}", f"{rules['lost'].get(name, 0):,}")
            for name in sorted({*rules["gained"], *rules["lost"]})
        ],
    )
    yield _differences(document["columns"])
    yield _agreements(document["columns"])
    yield _examples(document["examples"])


def _differences(columns: Sequence[Document]) -> tuple[str, Sequence[str], Rows]:
    shares = next((list(one["quantiles"]) for one in columns if one["quantiles"]), [])
    rows = [
        (
            one["name"],
            f"{one['posts']:,}",
            f"{one['different']:,}",
            f"{one['unknown']:,}",
            *(f"{one['quantiles'][share]:+.3f}" if one["quantiles"] else "" for share in shares),
        )
        for one in columns
    ]
    header = ("column", "posts", "different", "one is NULL", *(f"{float(share):.0%}" for share in shares))
    return "Candidate less live, by quantile", header, rows


def _agreements(columns: Sequence[Document]) -> tuple[str, Sequence[str], Rows]:
    rows = [
        (
            column["name"],
            f"{one['use']} ({one['threshold']:g})",
            *(f"{one[side]:,}" for side in ("both", "live_only", "candidate_only", "neither")),
        )
        for column in columns
        for one in column["agreements"]
    ]
    header = ("column", "threshold", "both at least", "only live", "only candidate", "neither")
    return "Agreement at the recommended thresholds", header, rows


def _examples(examples: Sequence[Document]) -> tuple[str, Sequence[str], Rows]:
    with_texts = any("caption" in one for one in examples)
    rows = [
        (
            one["post"],
            one["before"],
            one["after"],
            one["rule_before"] or "none",
            one["rule_after"] or "none",
            *((one.get("caption", ""), one.get("prompt", "")) if with_texts else ()),
        )
        for one in examples
    ]
    header = ("post", "before", "after", "rule before", "rule after", *(("caption", "prompt") if with_texts else ()))
    return "Examples of posts whose verdict would change", header, rows


def _section(header: Sequence[str], rows: Rows) -> Markup:
    if not rows:
        return element("p", "None.", class_="muted")
    return table(header[0] or "Verdicts", header, [[str(value) for value in row] for row in rows], words=WORDS)


def _column(one: ColumnDifference) -> Document:
    return {
        "name": one.name,
        "posts": one.posts,
        "different": one.different,
        "unknown": one.unknown,
        "quantiles": {f"{share:g}": value for share, value in one.quantiles.items()},
        "agreements": [
            {
                "use": agreement.use,
                "threshold": agreement.threshold,
                "both": agreement.both,
                "live_only": agreement.live_only,
                "candidate_only": agreement.candidate_only,
                "neither": agreement.neither,
            }
            for agreement in one.agreements
        ],
    }


def _texts(post: Post | None) -> Document:
    return {} if post is None else {"caption": post.caption, "prompt": post.prompt}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {posts:,}" for reason, posts in sorted(counts.items())) or "none"
