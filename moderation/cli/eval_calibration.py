"""`moderation eval image --calibrate`: what was fitted, and the lines to write into a registry entry."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from moderation.cli.output import console

if TYPE_CHECKING:
    from moderation.bench.evaluation.picture_calibration import ColumnFit


def calibrations(fits: "Sequence[ColumnFit]") -> dict[str, object]:
    """For JSON, by column: log losses in nats a picture, and `entry` as the registry takes it."""
    return {
        each.column: {
            "pictures": each.pictures,
            "harmful": each.harmful,
            "log_loss": {
                "as_it_is": round(each.as_it_is, 6),
                **{str(kind): round(loss, 6) for kind, loss in each.left_out.items()},
            },
            "entry": each.calibration.model_dump(),
        }
        for each in fits
    }


def print_calibrations(fits: "Sequence[ColumnFit]") -> None:
    """The losses as a table, and the lines for the entry; nothing without fits."""
    if not fits:
        return
    kinds = list(fits[0].left_out)
    table = Table("score", "pictures", "harmful", "as it is", *map(str, kinds), box=None, header_style="dim")
    for each in fits:
        losses = (f"{loss:.4f}" for loss in (each.as_it_is, *(each.left_out[kind] for kind in kinds)))
        table.add_row(each.column, str(each.pictures), str(each.harmful), *losses)
    console.print("\n[bold]Calibration[/]  log loss in five folds, lower is better")
    console.print(table)
    console.print("In the registry entry, at each column:", style="dim")
    for each in fits:
        shown = json.dumps(each.calibration.model_dump()).replace('"', "")
        console.print(f"{each.column}  calibration: {shown}", markup=False, soft_wrap=True)
