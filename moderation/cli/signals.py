"""`moderation signals`: what every signal measures, in which columns, how well, and which rules read it."""

from typing import Annotated

import typer

from moderation.assembly import compile_file, engine_options, signal_specs
from moderation.cli.output import console, print_json
from moderation.cli.signal_cards import Surroundings, card, document, listing
from moderation.domain.errors import NotFoundError, PolicyError
from moderation.policy.problems import did_you_mean
from moderation.policy.rule import Rule
from moderation.settings import Settings, load_settings
from moderation.signals.registry import registry

app = typer.Typer(no_args_is_help=True, help="Signals: what they measure, in which columns, and who reads them.")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


@app.command("list")
def list_signals(as_json: AsJson = False) -> None:
    """List every signal with its surface, columns, cost and models; loads no model.

    Example: moderation signals list
    """
    settings = load_settings()
    specs, around = signal_specs(settings), _surroundings(settings)
    if as_json:
        print_json({"signals": [document(spec, around) for spec in specs]})
        return
    console.print(listing(specs, around))
    console.print("Columns, thresholds and known failures: moderation signals describe NAME", style="dim")


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A signal, or one of its columns.")], as_json: AsJson = False
) -> None:
    """Describe one signal: columns, recommended thresholds, languages, licences, known failures, rules in force.

    Example: moderation signals describe picture_codes
    """
    settings = load_settings()
    specs = signal_specs(settings)
    found = [spec for spec in specs if name in {spec.name, *(column.name for column in spec.columns)}]
    chosen = [spec for spec in found if spec.name == name] or found
    if not chosen:
        names = [spec.name for spec in specs]
        raise NotFoundError(
            f"There is no signal {name}.", hint=did_you_mean(name, names) or "`moderation signals list` names them."
        )
    around = _surroundings(settings)
    if as_json:
        print_json(document(chosen[0], around))
        return
    console.print(card(chosen[0], around))


def _surroundings(settings: Settings) -> Surroundings:
    return Surroundings({entry.name: entry for entry in registry()}, _rules(settings), engine_options(settings))


def _rules(settings: Settings) -> tuple[Rule, ...] | None:
    """The rules of the policy file; None when it cannot be read, which `moderation policy check` explains."""
    try:
        return compile_file(settings, settings.policy.read_text(encoding="utf-8")).rules
    except (OSError, UnicodeDecodeError, PolicyError):
        return None
