"""The command: `python -m datasets.captions`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from datasets.captions import generate
from datasets.rows import Row, split_of
from moderation.domain.errors import ModerationError

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: python -m datasets.captions --rows 200 --seed 1 --out captions.jsonl")
def main(
    rows: Annotated[int, typer.Option(help="Rows of each family, at most.", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 1,
    out: Annotated[Path, typer.Option(help="The JSON lines file to write.")] = Path("captions.jsonl"),
) -> None:
    """Write generated captions, prompts and posts with their labels, one JSON object a line."""
    try:
        grown = generate(seed, rows)
        out.write_text("".join(f"{json.dumps(_document(row), ensure_ascii=False)}\n" for row in grown), "utf-8")
    except (ModerationError, OSError) as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{len(grown)} rows in {out}")


def _document(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "text": row.text,
        "labels": dict(row.labels),
        "source": row.source,
        "surface": row.surface.value,
        "group": row.group,
        "split": split_of(row).value,
    }


if __name__ == "__main__":
    app()
