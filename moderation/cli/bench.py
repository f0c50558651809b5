"""`moderation bench`: figures beside a bare loop or a peer, in the same run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from moderation.bench.result import BenchResult
from moderation.cli.output import console, errors, print_json
from moderation.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Measure, beside a bare loop or a peer in the same run.")
AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON object.")]
Images = Annotated[Path | None, typer.Option(help="A folder of images; default: the drawn samples.")]


@app.command()
def screen(
    posts: Annotated[int, typer.Option(min=16, help="Posts in each round.")] = 400,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the medians count.")] = 3,
    images: Images = None,
    as_json: AsJson = False,
) -> None:
    """Posts a second of the whole way, by stage, beside the bare model on decoded tensors.

    Example: moderation bench screen --images ../shared/corpora/photos --json
    """
    from moderation.bench.screen import bench_screen  # noqa: PLC0415 - loads a model runtime

    result = bench_screen(load_settings(), posts=posts, images=images, rounds=rounds, tell=_tell)
    _finish(result, as_json=as_json)


@app.command()
def latency(
    posts: Annotated[int, typer.Option(min=16, help="Posts sent one at a time.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds at 70 % load.")] = 30.0,
    images: Images = None,
    as_json: AsJson = False,
) -> None:
    """Seconds from sending a post to knowing its verdict, alone and at 70 % of the machine's full load.

    Example: moderation bench latency --json
    """
    from moderation.bench.latency import bench_latency  # noqa: PLC0415 - starts processes

    result = bench_latency(load_settings(), posts=posts, seconds=seconds, images=images, tell=_tell)
    _finish(result, as_json=as_json)


def _tell(line: str) -> None:
    errors.print(line, style="dim")


def _finish(result: BenchResult, *, as_json: bool) -> None:
    if as_json:
        print_json(result.document())
        return
    table = Table("figure", "value", box=None, header_style="bold")
    for name, value in {**result.figures, **result.peers}.items():
        table.add_row(name, f"{value:.4g}")
    console.print(table)
    for line in result.missed:
        console.print(f"missed: {line}", style="yellow")
