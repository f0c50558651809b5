"""The commands: `python -m datasets.overlays train` and `python -m datasets.overlays measure`."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import cv2
import typer

from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.cases import photographs
from datasets.overlays.measure import detector, reading
from moderation.domain.errors import ModerationError
from moderation.settings import load_settings
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.reader import PaddleReader
from moderation.signals.picture_text.signal import READ_FROM

WEIGHTS_FOLDER = Path("moderation/media/weights")
DRAWN_SEED = 104_729
"""Pictures under this seed are never trained on."""

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command(epilog="Example: python -m datasets.overlays train --pictures 24000")
def train(
    pictures: Annotated[int, typer.Option(help="Pictures to train on, each once.", min=24)] = 24_000,
    grounds: Annotated[int, typer.Option(help="Different pictures under the text.", min=1)] = 700,
    seed: Annotated[int, typer.Option(help="The same seed gives the same training.")] = 1,
    contrast: Annotated[float, typer.Option(help="How far text stands out at least, 0 to 255.")] = 45,
    start: Annotated[Path | None, typer.Option(help="Folder of weights to go on from, at a tenth of the rate.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for weights and calibration.")] = WEIGHTS_FOLDER,
) -> None:
    """Train the text detector on drawn pictures: about ten minutes on one core."""
    from datasets.overlays.training import Plan  # noqa: PLC0415 - loads torch, which measuring does not need
    from datasets.overlays.training import train as run  # noqa: PLC0415 - see above

    run(Plan(pictures, grounds, seed, contrast=contrast, start=start), out, typer.echo)


@app.command(epilog="Example: python -m datasets.overlays measure --photos ../shared/corpora/photos")
def measure(
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photographs to write on; drawn pictures without it.")
    ] = None,
    most: Annotated[int, typer.Option(help="Pictures to use, at most.", min=1)] = 160,
    skip: Annotated[
        int, typer.Option(help="Pictures to leave out first; the detector was chosen on the first 80.")
    ] = 0,
    threshold: Annotated[float, typer.Option(help="Likelihood from which a picture is read.")] = READ_FROM,
    only: Annotated[
        str, typer.Option(help="'detector', or 'both' with the reader, whose model must be there.")
    ] = "both",
) -> None:
    """Measure the text detector and the reader with one thread, on pictures that nothing was trained on."""
    cv2.setNumThreads(1)
    source = backgrounds(DRAWN_SEED, most) if photos is None else photographs(photos)
    grounds = list(islice(source, skip, skip + most))
    try:
        for line in detector(grounds, threshold):
            typer.echo(line)
        if only == "both":
            reader = PaddleReader.load(ModelStore(load_settings().models), threads=1)
            for line in reading(reader, grounds, threshold):
                typer.echo(line)
    except (ModerationError, OSError) as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
