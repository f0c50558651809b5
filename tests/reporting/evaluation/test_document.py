import json

from moderation.evaluation.pictures import picture_figures
from moderation.reporting.evaluation.document import evaluation, pictures
from tests.reporting.evaluation import samples


def test_figures_are_plain_values_with_their_intervals() -> None:
    section = samples.section()
    document = json.loads(json.dumps(evaluation(section.result, section.obfuscations), allow_nan=False))
    sexual = document["columns"]["sexual"]
    assert sexual["average_precision"]["low"] <= sexual["average_precision"]["value"]
    assert document["obfuscations"]["leet"]["kept"]["value"] == document["any"]["recall"]["value"]
    assert document["slices"]["names: muslim"]["examples"] == document["any"]["examples"] == 60


def test_undefined_figures_are_null_and_columns_that_nobody_judged_absent() -> None:
    calm = samples.section(harmful=False)
    document = json.loads(json.dumps(evaluation(calm.result), allow_nan=False))
    assert document["columns"]["sexual"]["average_precision"] is None
    assert document["any"]["recall"] is None


def test_pictures_without_a_score_are_named() -> None:
    document = json.loads(
        json.dumps(pictures(picture_figures(samples.pictures(labels=True), samples.FEW)), allow_nan=False)
    )
    assert document["unmeasured"] == [{"name": samples.HOSTILE, "reason": "truncated", "detail": "ends early"}]
    column = document["columns"]["image_nsfw"]
    assert (column["n"], column["nulls"], column["labelled"]) == (19, 1, 19)
    assert set(column["thresholds"]) == {"high recall", "balanced", "high precision"}
