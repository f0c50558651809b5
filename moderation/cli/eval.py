"""`moderation eval`: how good a classifier is, on texts and pictures that it was not trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from moderation.cli.eval_tables import print_pictures, print_text, text_row
from moderation.cli.output import console, errors, print_json
from moderation.domain.errors import InvalidInputError
from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.examples import TEXT_SURFACES
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.picture_files import find_pictures
from moderation.evaluation.pictures import picture_figures
from moderation.reporting.evaluation.document import pictures as pictures_document
from moderation.settings import load_settings

if TYPE_CHECKING:
    from moderation.bench.evaluation.scorers import HarmScorer, TermScorer

app = typer.Typer(no_args_is_help=True, help="Measure classifiers on labelled texts and pictures, with intervals.")

ALL = "all"
TERMS = "terms"
DEFAULT_LABELS = ("S", "nsfw")
AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON object.")]
Report = Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")]
Record = Annotated[Path | None, typer.Option(help="A file of a release's figures, whose entries are replaced.")]
Rounds = Annotated[int, typer.Option(min=100, help="Bootstrap rounds of the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of intervals and obfuscations.")]


@app.command()
def text(  # noqa: PLR0913, PLR0917 - one argument for each option
    files: Annotated[list[Path] | None, typer.Argument(help="Files of labelled texts, one JSON object a line.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Also what nobody trained on of the corpora in datasets/manifests.")
    ] = False,
    surface: Annotated[str, typer.Option(help="caption, prompt or picture_text; default: the rows' own.")] = "",
    model: Annotated[str, typer.Option(help=f"A text classifier of the model store, or {TERMS}.")] = "text-harm",
    product: Annotated[Path | None, typer.Option(help="A folder that training wrote, instead of the store's.")] = None,
    obfuscate: Annotated[
        list[str] | None, typer.Option(help=f"Also measure texts written so: {', '.join(Obfuscation)}, {ALL}.")
    ] = None,
    baseline: Annotated[str, typer.Option(help=f"{TERMS}: the term lists beside the classifier.")] = "",
    report: Report = None,
    record: Record = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print one row of a Markdown table for each set.")
    ] = False,
    rounds: Rounds = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Average precision, AUROC, precision and recall at the shipped thresholds, by category and by slice.

    Rows have `id`, `text`, `labels` (S, H, H2, V, V2, HR, SH, U; 1 or 0, absent is unknown), `source`, and perhaps
    `slice` and `surface` (caption where neither says otherwise).

    Example: moderation eval text datasets/challenges/benign_lookalikes.jsonl --obfuscate leet --report report
    """
    from moderation.bench.evaluation.scorers import TermScorer  # noqa: PLC0415 - heavy imports
    from moderation.bench.evaluation.text import evaluate_text, read_sets, text_document  # noqa: PLC0415

    ways = _ways(obfuscate or [])
    beside = TermScorer() if _one_of(baseline, "baseline", TERMS) else None
    sets = read_sets(files or [], Surface(surface) if _one_of(surface, "surface", *TEXT_SURFACES) else None)
    if held_out:
        from moderation.bench.evaluation.sets import held_out_sets  # noqa: PLC0415 - only for --held-out

        sets += held_out_sets()
    if not sets:
        raise InvalidInputError("There is nothing to measure.", hint="Name files, or use --held-out.")
    scorer = _text_scorer(model, product)
    resampling = Resampling(rounds=rounds, seed=seed)
    with _progress() as progress:
        tell = _Teller(progress)
        found = [
            evaluate_text(each, scorer, ways=ways, baseline=beside, tell=tell, resampling=resampling) for each in sets
        ]
    document = text_document(scorer, found)
    for each in found:
        if markdown:
            console.print(text_row(each), soft_wrap=True, markup=False)
        elif not as_json:
            print_text(each)
    if report is not None:
        from moderation.bench.evaluation.reports import write_text_report  # noqa: PLC0415 - only for --report

        errors.print(f"Report: {write_text_report(report, document, scorer, found)}", markup=False, soft_wrap=True)
    if record is not None:
        from moderation.bench.evaluation.figures import record_text  # noqa: PLC0415 - only for --record

        record_text(record, document)
    if as_json:
        print_json(document)


@app.command()
def image(  # noqa: PLR0913, PLR0917 - one argument for each option
    source: Annotated[Path, typer.Argument(help="A folder of pictures, or a .jsonl file with path and labels.")],
    signal: Annotated[str, typer.Option(help="The signal to measure.")] = "image_nsfw",
    label: Annotated[
        list[str] | None, typer.Option(help="What means harmful: a sub-folder's name or a label. Default: S, nsfw.")
    ] = None,
    report: Report = None,
    record: Record = None,
    rounds: Rounds = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """How a picture signal scores: its distribution and the share at or over each recommended threshold.

    With labels (sub-folders named by --label, or a .jsonl file with `path` and `labels`, paths relative to the file)
    also average precision, precision, recall and false alarms. Pictures that cannot be read are named.

    Example: moderation eval image ../shared/corpora/photos --json
    """
    from moderation.bench.evaluation.pictures import score_pictures  # noqa: PLC0415 - loads model runtimes

    pictures = find_pictures(source, label or DEFAULT_LABELS)
    with _progress() as progress:
        scores = score_pictures(load_settings(), pictures, signal, _Teller(progress))
    figures = picture_figures(scores, Resampling(rounds=rounds, seed=seed))
    document = pictures_document(figures)
    if not as_json:
        print_pictures(figures)
    if report is not None:
        from moderation.bench.evaluation.reports import write_picture_report  # noqa: PLC0415 - only for --report

        errors.print(f"Report: {write_picture_report(report, document, figures)}", markup=False, soft_wrap=True)
    if record is not None:
        from moderation.bench.evaluation.figures import record_pictures  # noqa: PLC0415 - only for --record

        record_pictures(record, document)
    if as_json:
        print_json(document)


@app.command()
def table(
    figures: Annotated[Path | None, typer.Option(help="Recorded figures; default: docs/models/figures.json.")] = None,
    write: Annotated[Path | None, typer.Option(help="A document whose marked part is replaced.")] = None,
) -> None:
    """The recorded figures as Markdown tables, with the command beside each set.

    Example: moderation eval table --write docs/models/README.md
    """
    from moderation.bench.evaluation.figures import RELEASED, read_figures  # noqa: PLC0415 - only for this command
    from moderation.bench.evaluation.sets import challenge_names  # noqa: PLC0415
    from moderation.reporting.evaluation.markdown import filled, tables  # noqa: PLC0415

    contents = tables(read_figures(figures or RELEASED), challenge_names())
    if write is None:
        console.print(contents, markup=False, soft_wrap=True)
        return
    try:
        before = write.read_text(encoding="utf-8")
        write.write_text(filled(before, contents), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{write} cannot be written: {error}.") from error


class _Teller:
    """Shows one bar for each thing that is being scored."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name = ""
        self._task = progress.add_task("", total=None, visible=False)

    def __call__(self, name: str, done: int, total: int) -> None:
        """Move the bar; a new name starts the next one."""
        if name != self._name:
            self._progress.remove_task(self._task)
            self._name, self._task = name, self._progress.add_task(name, total=total)
        self._progress.update(self._task, completed=done)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=errors, transient=True)


def _text_scorer(model: str, product: Path | None) -> "HarmScorer | TermScorer":
    from moderation.assembly import lane_threads, model_store  # noqa: PLC0415 - brings the lanes' libraries
    from moderation.bench.evaluation.scorers import HarmScorer, TermScorer  # noqa: PLC0415

    if model == TERMS:
        return TermScorer()
    settings = load_settings()
    return HarmScorer(model_store(settings), name=model, folder=product, threads=lane_threads(settings))


def _ways(names: list[str]) -> tuple[Obfuscation, ...]:
    for name in names:
        _one_of(name, "obfuscation", *Obfuscation, ALL)
    return tuple(way for way in Obfuscation if way in names or ALL in names)


def _one_of(given: str, what: str, *choices: str) -> str:
    if given and given not in choices:
        raise InvalidInputError(f"{given!r} is no {what}.", hint=f"One of: {', '.join(choices)}.")
    return given
