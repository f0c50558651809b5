import json
from pathlib import Path

import pytest

from moderation.bench.evaluation.figures import RELEASED, read_figures
from moderation.bench.evaluation.sets import challenge_names
from moderation.domain.errors import InvalidInputError
from moderation.reporting.evaluation.document import evaluation
from moderation.reporting.evaluation.markdown import BEGIN, DASH, END, NOTHING, filled, tables
from tests.reporting.evaluation import samples

README = Path(__file__).resolve().parents[3] / "docs" / "models" / "README.md"


def test_the_page_of_models_says_what_was_recorded_and_nothing_else() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == filled(page, tables(read_figures(RELEASED), challenge_names())), (
        "run: moderation eval table --write docs/models/README.md"
    )


def test_every_set_has_its_figures_and_its_command() -> None:
    section = samples.section()
    sets = {"benign_prompts": {"examples": 60, **evaluation(section.result, section.obfuscations)}, "elsewhere": {}}
    recorded = json.loads(json.dumps({"text": sets, "pictures": {}}))
    told = tables(recorded, ["benign_prompts"])
    assert "`moderation eval text datasets/challenges/benign_prompts.jsonl`" in told
    assert "| 1.5 % |" in told
    assert f"| elsewhere | None | {DASH} | {DASH} |  | `moderation eval text --held-out` |" in told
    assert "| leet |" in told
    assert NOTHING in told


def test_only_the_marked_part_of_a_document_is_replaced() -> None:
    document = f"# Title\n{BEGIN}\nold\n{END}\nend\n"
    assert filled(document, "new") == f"# Title\n{BEGIN}\n\nnew\n\n{END}\nend\n"
    assert filled(filled(document, "new"), "new") == filled(document, "new")
    for broken in ("", BEGIN, f"{END} {BEGIN}"):
        with pytest.raises(InvalidInputError, match="figures"):
            filled(broken, "new")
