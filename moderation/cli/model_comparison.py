"""What a candidate would change, as a document for programs, as tables, and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from moderation.domain.ids import PostId
from moderation.domain.model_role import ModelPin
from moderation.domain.post import Post
from moderation.domain.signal import SignalSpec
from moderation.domain.verdict import Verdict
from moderation.media.untrusted_text import printable
from moderation.screening.candidates import ColumnDifference, Comparison

Document: TypeAlias = dict[str, Any]
Rows: TypeAlias = Sequence[Sequence[object]]

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c1c1c}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:.25rem .8rem;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}th{font-weight:600}td.n{text-align:right}"
)


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
        table = Table(*header, title=title, title_justify="left", box=None, header_style="bold", title_style="bold")
        for row in rows:
            table.add_row(*(Text(_shown(value)) for value in row))
        console.print(table if rows else f"[bold]{title}[/]: none")
        console.print()


def _shown(value: object) -> str:
    """For a terminal: captions are written by strangers."""
    text = str(value)
    return printable(text, len(text))


def as_page(document: Document) -> str:
    """The same as one page of HTML that needs nothing else."""
    title = escape(f"{document['candidate']['name']} for {document['slot']}")
    parts = [_section(*table) for table in tables(document)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def tables(document: Document) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """Title, header and rows of every table."""
    cost, failures = document["ms_per_post"], document["failures"]
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
            ("candidate, ms a post (mean, 95 %)", f"{cost['mean']:.1f}, {cost['p95']:.1f}"),
            ("live, ms a post as declared", f"{cost['live_declared']:.1f}"),
        ],
    )
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


def _section(title: str, header: Sequence[str], rows: Rows) -> str:
    if not rows:
        return f"<h2>{escape(title)}</h2><p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


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
