"""`moderation eval`: how good a classifier is, on texts and pictures that it was not trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moderation.cli.eval_calibration import calibrations, print_calibrations
from moderation.cli.eval_progress import progress_bars
from moderation.cli.eval_tables import print_pictures, print_text, text_row
from moderation.cli.output import console, errors, print_json
from moderation.domain.errors import InvalidInputError
from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.examples import TEXT_SURFACES
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.picture_files import PictureSet, find_pictures
from moderation.evaluation.pictures import PictureScores, picture_figures
from moderation.reporting.evaluation.document import pictures as pictures_document
from moderation.settings import load_settings

if TYPE_CHECKING:
    from moderation.bench.evaluation.picture_calibration import ColumnFit
    from moderation.bench.evaluation.scorers import HarmScorer, TermScorer
    from moderation.bench.evaluation.text import TextEvaluation, TextSet

app = typer.Typer(no_args_is_help=True, help="Measure classifiers on labelled texts and pictures, with intervals.")

ALL = "all"
TERMS = "terms"
DEFAULT_LABELS = ("S", "nsfw")
AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON object.")]
Report = Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")]
Record = Annotated[Path | None, typer.Option(help="A file of a release's figures, whose entries are replaced.")]
Rounds = Annotated[int, typer.Option(min=100, help="Bootstrap rounds of the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of intervals and obfuscations.")]
Files = Annotated[list[Path] | None, typer.Argument(help="Files of labelled texts, one JSON object a line.")]
HeldOut = Annotated[
    bool, typer.Option("--held-out", help="Also what nobody trained on of the corpora in datasets/manifests.")
]
OnSurface = Annotated[str, typer.Option(help="caption, prompt or picture_text; default: the rows' own.")]
Model = Annotated[str, typer.Option(help=f"A text classifier of the model store, or {TERMS}.")]
Product = Annotated[Path | None, typer.Option(help="A folder that training wrote, instead of the store's.")]
Ways = Annotated[
    list[str] | None, typer.Option(help=f"Also measure texts written so: {', '.join(Obfuscation)}, {ALL}.")
]
Baseline = Annotated[str, typer.Option(help=f"{TERMS}: the term lists beside the classifier.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print one row of a Markdown table for each set.")]
Calibrate = Annotated[
    bool, typer.Option("--calibrate", help="Fit a registry classifier's calibration to the labels, and print it.")
]
Labels = Annotated[
    list[str] | None, typer.Option(help="What means harmful: a sub-folder's name or a label. Default: S, nsfw.")
]


@app.command()
def text(  # noqa: PLR0913, PLR0917 - one argument for each option
    files: Files = None,
    held_out: HeldOut = False,
    surface: OnSurface = "",
    model: Model = "text-harm",
    product: Product = None,
    obfuscate: Ways = None,
    baseline: Baseline = "",
    report: Report = None,
    record: Record = None,
    markdown: AsMarkdown = False,
    rounds: Rounds = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Average precision, AUROC, precision and recall at the shipped thresholds, by category and by slice.

    Rows have `id`, `text`, `labels` (S, H, H2, V, V2, HR, SH, U; 1 or 0, absent is unknown), `source`, and perhaps
    `slice` and `surface` (caption where neither says otherwise).

    Example: moderation eval text datasets/challenges/benign_lookalikes.jsonl --obfuscate leet --report report

    Your own texts, beside the term lists: moderation eval text mine.jsonl --surface caption --baseline terms
    """
    from moderation.bench.evaluation.text import evaluate_text, text_document  # noqa: PLC0415 - heavy imports

    ways, beside = _ways(obfuscate or []), _baseline(baseline)
    sets = _text_sets(files or [], surface, held_out=held_out)
    _check_outputs(report, record)
    scorer, resampling = _text_scorer(model, product), Resampling(rounds=rounds, seed=seed)
    with progress_bars() as tell:
        found = [
            evaluate_text(each, scorer, ways=ways, baseline=beside, tell=tell, resampling=resampling) for each in sets
        ]
    document = text_document(scorer, found)
    _show_texts(found, markdown=markdown, as_json=as_json)
    if report is not None:
        from moderation.bench.evaluation.reports import write_text_report  # noqa: PLC0415 - only for --report

        _tell_file("Report", write_text_report(report, document, scorer, found))
    if record is not None:
        from moderation.bench.evaluation.figures import record_text  # noqa: PLC0415 - only for --record

        record_text(record, document)
    if as_json:
        print_json(document)


@app.command()
def image(  # noqa: PLR0913, PLR0917 - one argument for each option
    source: Annotated[Path, typer.Argument(help="A folder of pictures, or a .jsonl file with path and labels.")],
    signal: Annotated[str, typer.Option(help="The signal to measure.")] = "image_nsfw",
    label: Labels = None,
    calibrate: Calibrate = False,
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

    A folder with the sub-folders nude and dressed: moderation eval image pictures --label nude --report report

    What to write into the entry of a classifier: moderation eval image pictures --label nude --signal NAME --calibrate
    """
    from moderation.bench.evaluation.pictures import score_pictures  # noqa: PLC0415 - loads model runtimes

    pictures = find_pictures(source, label or DEFAULT_LABELS)
    _check_labels(pictures, label or [])
    _check_outputs(report, record)
    if calibrate:
        from moderation.bench.evaluation.picture_calibration import check_takes_calibration  # noqa: PLC0415 - heavy
        from moderation.signals.registry import registry  # noqa: PLC0415

        check_takes_calibration(signal, registry())
    with progress_bars() as tell:
        scores = score_pictures(load_settings(), pictures, signal, tell)
    _check_measured(scores)
    fits = _fits(scores) if calibrate else ()
    figures = picture_figures(scores, Resampling(rounds=rounds, seed=seed))
    document = {**pictures_document(figures), **({"calibration": calibrations(fits)} if calibrate else {})}
    if not as_json:
        print_pictures(figures)
        print_calibrations(fits)
    if report is not None:
        from moderation.bench.evaluation.reports import write_picture_report  # noqa: PLC0415 - only for --report

        _tell_file("Report", write_picture_report(report, document, figures))
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


def _text_sets(files: list[Path], surface: str, *, held_out: bool) -> "list[TextSet]":
    """Every set, read and checked before anything is scored."""
    from moderation.bench.evaluation.text import read_sets  # noqa: PLC0415 - heavy imports

    sets = read_sets(files, Surface(surface) if _one_of(surface, "surface", *TEXT_SURFACES) else None)
    if held_out:
        from moderation.bench.evaluation.sets import held_out_sets  # noqa: PLC0415 - only for --held-out

        sets += held_out_sets()
    if not sets:
        raise InvalidInputError(
            "There is nothing to measure.",
            hint="Name files such as datasets/challenges/forum_posts.jsonl, or use --held-out.",
        )
    return sets


def _show_texts(found: "list[TextEvaluation]", *, markdown: bool, as_json: bool) -> None:
    for each in found:
        if markdown:
            console.print(text_row(each), soft_wrap=True, markup=False)
        elif not as_json:
            print_text(each)


def _check_labels(pictures: PictureSet, wanted: list[str]) -> None:
    """Refuse labels that were asked for and mark nothing: the figures would leave out what they were wanted for."""
    if wanted and not any(each.harmful for each in pictures.files):
        parts = sorted({each.slice for each in pictures.files if each.slice})
        raise InvalidInputError(
            f"No picture of {pictures.source} is labelled {' or '.join(wanted)}.",
            hint=f"It has: {', '.join(parts)}." if parts else "Sub-folders, or labels in a .jsonl file, say it.",
        )


def _check_measured(found: PictureScores) -> None:
    """Refuse figures of nothing."""
    if not found.measured:
        first = found.unmeasured[0]
        raise InvalidInputError(
            f"No picture of {found.source.source} could be measured.",
            hint=f"The first one, {first.name}: {first.reason} {first.detail}".rstrip(),
        )


def _fits(scores: PictureScores) -> "tuple[ColumnFit, ...]":
    from moderation.bench.evaluation.picture_calibration import fit_columns  # noqa: PLC0415 - only for --calibrate
    from moderation.signals.registry import registry  # noqa: PLC0415

    return fit_columns(scores, registry())


def _check_outputs(report: Path | None, record: Path | None) -> None:
    """Refuse what could not be written in the end before it is measured for."""
    from moderation.bench.evaluation.figures import read_figures  # noqa: PLC0415 - heavy imports
    from moderation.bench.evaluation.reports import prepare  # noqa: PLC0415 - the same

    if report is not None:
        prepare(report)
    if record is not None:
        read_figures(record)


def _tell_file(what: str, path: Path) -> None:
    errors.print(f"{what}: {path}", markup=False, soft_wrap=True)


def _baseline(name: str) -> "TermScorer | None":
    from moderation.bench.evaluation.scorers import TermScorer  # noqa: PLC0415 - heavy imports

    return TermScorer() if _one_of(name, "baseline", TERMS) else None


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
