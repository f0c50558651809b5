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
    """Posts a second of the whole way, by stage, beside the bare models on decoded pictures.

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


@app.command()
def signals(
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for each model, precision and batch size.")] = 3.0,
    plot: Annotated[Path | None, typer.Option(help="Draw the table into this .html file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pictures and texts a second by model, precision and batch, on one core, beside a pipeline and the floor.

    Each model has a process with one thread, pinned to the idlest core; on a machine with CUDA the table follows for
    the device. Takes about three minutes.

    Example: moderation bench signals --plot signals.html --json
    """
    from moderation.bench.signals.command import bench_signals  # noqa: PLC0415 - starts processes
    from moderation.bench.signals.plot import check_plot, draw  # noqa: PLC0415

    check_plot(plot)
    result, lines = bench_signals(load_settings(), seconds=seconds, tell=_tell)
    draw(lines, plot)
    _finish(result, as_json=as_json)


@app.command(name="hash")
def hash_(
    rounds: Annotated[int, typer.Option(min=3, help="Turns on each picture; the fastest of each counts.")] = 15,
    pictures: Annotated[int, typer.Option(min=1, help="Pictures of each size.")] = 3,
    images: Annotated[Path | None, typer.Option(help="A folder of photographs; default: drawn ones.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the times into this .html file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Milliseconds from JPEG bytes to all hashes, by size and step, beside other software's one hash and a bare decode.

    Example: moderation bench hash --images ../shared/corpora/large --plot hash.html --json
    """
    from moderation.bench.hash import bench_hash  # noqa: PLC0415 - loads OpenCV
    from moderation.bench.hash_plot import draw  # noqa: PLC0415
    from moderation.bench.signals.plot import check_plot  # noqa: PLC0415

    check_plot(plot)
    result = bench_hash(rounds=rounds, pictures=pictures, images=images, tell=_tell)
    draw({**result.figures, **result.peers}, plot)
    _finish(result, as_json=as_json)


@app.command()
def index(
    size: Annotated[int, typer.Option(min=1000, help="Hashes in the index.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender over all queries; medians count.")] = 3,
    plot: Annotated[Path | None, typer.Option(help="Draw the times into this .html file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Milliseconds of an exact lookup within 31 bits, and of one add and remove, beside other exact indexes.

    Takes half a minute at the default size; 10 million need 3 GB of memory and 1 GB of disk for a while.

    Example: moderation bench index --size 1000000 --plot index.html --json
    """
    from moderation.bench.index import bench_index  # noqa: PLC0415 - brings Numba and faiss
    from moderation.bench.index_plot import draw  # noqa: PLC0415
    from moderation.bench.signals.plot import check_plot  # noqa: PLC0415

    check_plot(plot)
    result = bench_index(size=size, rounds=rounds, tell=_tell)
    draw({**result.peers, **result.figures}, plot)
    _finish(result, as_json=as_json)


@app.command()
def review(
    posts: Annotated[int, typer.Option(min=100, help="Posts in the database.")] = 1_000_000,
    jobs: Annotated[
        int, typer.Option(min=30, help="Open jobs, over all queues; at most a fifth of the posts.")
    ] = 100_000,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds for which 20 moderators decide at once.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each page is fetched.")] = 15,
    database: Annotated[
        str, typer.Option(help="URL of an empty PostgreSQL database of a superuser; default: a server of its own.")
    ] = "",
    sqlite: Annotated[bool, typer.Option("--sqlite", help="Measure on a SQLite file.")] = False,
    as_json: AsJson = False,
) -> None:
    """The console over many posts: the next job, every page, and 20 moderators who decide at once.

    Needs PostgreSQL's server programs (initdb, pg_ctl), about 7 GB of disk and some minutes at full size.

    Example: moderation bench review --posts 20000 --jobs 2000 --seconds 5 --json
    """
    from moderation.bench.review.command import Size, bench_review  # noqa: PLC0415 - starts processes

    size = Size(posts=posts, jobs=jobs, seconds=seconds, page_rounds=rounds, next_rounds=min(300, jobs // 3))
    result = bench_review(load_settings(), size, database_url=database, sqlite=sqlite, tell=_tell)
    _finish(result, as_json=as_json)


@app.command()
def robustness(
    images: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of pictures; may be given again. Default: the corpora beside the repository."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="An eighth of the pictures; seconds, not minutes.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the table into this .svg or .html file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Recall over 36 kinds of edit and false positives by tier, beside HMA's rule, through the lanes' own matcher.

    Pictures come from --images, else from the folders in MODERATION_BENCH_IMAGES, else from ../shared/corpora, else
    they are drawn. Hard negatives are drawn. The whole takes about ten minutes on one core.

    Example: moderation bench robustness --quick --plot robustness.svg --json
    """
    from moderation.bench.robustness.command import bench_robustness  # noqa: PLC0415 - loads the matcher
    from moderation.bench.robustness.plot import check_plot, draw  # noqa: PLC0415
    from moderation.bench.robustness.table import EDIT_HEAD, FAMILY_HEAD, edit_lines, family_lines  # noqa: PLC0415

    check_plot(plot)
    result, outcome = bench_robustness(images or [], quick=quick, tell=_tell)
    draw(outcome, plot)
    if not as_json:
        for head, lines in ((EDIT_HEAD, edit_lines(outcome)), (FAMILY_HEAD, family_lines(outcome))):
            table = Table(*head, box=None, header_style="bold")
            for line in lines:
                table.add_row(*line)
            console.print(table)
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
