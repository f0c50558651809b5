"""The commands: `python -m datasets.overlays train` and `python -m datasets.overlays measure`."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import cv2
import typer

from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.cases import photographs
from datasets.overlays.measure import detector, reading
from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.settings import load_settings
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.presence import PaddlePresence, deep_network, network_digest
from moderation.signals.picture_text.reader import PaddleReader
from moderation.signals.picture_text.signal import READ_FROM

WEIGHTS_FOLDER = Path("moderation/signals/picture_text/weights")
DRAWN_SEED = 104_729
"""Pictures under this seed are never trained on."""
TRAINED_PHOTOS = 60
"""Of the 160 photographs these are trained on, the next 20 choose thresholds, and the other 80 judge."""

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command(epilog="Example: python -m datasets.overlays train --photos ../shared/corpora/photos")
def train(
    pictures: Annotated[int, typer.Option(help="Pictures to train on.", min=24)] = 4_800,
    grounds: Annotated[int, typer.Option(help="Different drawn pictures under the text.", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same training.")] = 1,
    epochs: Annotated[int, typer.Option(help="How often each picture is shown.", min=1)] = 8,
    photos: Annotated[Path | None, typer.Option(help="Folder of photographs to train on too.")] = None,
    most_photos: Annotated[int, typer.Option(help="How many of them, the first by name.", min=1)] = TRAINED_PHOTOS,
    out: Annotated[Path, typer.Option(help="Folder for weights and card.")] = WEIGHTS_FOLDER,
) -> None:
    """Train the text detector: some five minutes on one core. The reader's model must be in the store."""
    from datasets.overlays.examples import Plan  # noqa: PLC0415 - loads torch, which measuring does not need
    from datasets.overlays.training import train as run  # noqa: PLC0415 - see above

    plan = Plan(pictures, grounds, seed, epochs, photos, most_photos)
    with _told():
        models, options = ModelStore(load_settings().models), EngineOptions(threads=1)
        reader = PaddleReader.load(models, threads=1)
        run(
            plan,
            deep_network(models, options),
            network_digest(models),
            out,
            typer.echo,
            is_plain=lambda pixels: not reader.read(pixels).lines,
        )


@app.command(epilog="Example: python -m datasets.overlays measure --photos ../shared/corpora/photos")
def measure(
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photographs to write on; drawn pictures without it.")
    ] = None,
    most: Annotated[int, typer.Option(help="Pictures to use, at most.", min=1)] = 160,
    skip: Annotated[
        int, typer.Option(help="Pictures to leave out first; the detector was made and chosen with the first 80.")
    ] = 0,
    threshold: Annotated[float, typer.Option(help="Likelihood from which a picture is read.")] = READ_FROM,
    only: Annotated[str, typer.Option(help="'detector', or 'both' with the reader.")] = "both",
    weights: Annotated[Path, typer.Option(help="Folder with the head's weights and card.")] = WEIGHTS_FOLDER,
) -> None:
    """Measure the text detector and the reader with one thread, on pictures that nothing was trained on."""
    cv2.setNumThreads(1)
    with _told():
        source = backgrounds(DRAWN_SEED, most) if photos is None else photographs(photos)
        grounds = list(islice(source, skip, skip + most))
        if not grounds:
            raise InvalidInputError("There are no pictures to measure with.", hint="Name another folder or skip fewer.")
        models = ModelStore(load_settings().models)
        presence = PaddlePresence.load(models, EngineOptions(threads=1), weights)
        for line in detector(presence, grounds, threshold):
            typer.echo(line)
        if only == "both":
            for line in reading(presence, PaddleReader.load(models, threads=1), grounds, threshold):
                typer.echo(line)


@contextmanager
def _told() -> Iterator[None]:
    """Errors that somebody can do something about are a line, and an exit of 1."""
    try:
        yield
    except (ModerationError, OSError) as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
