from moderation.bench.signals.captions import captions
from moderation.bench.signals.command import in_words, rates
from moderation.bench.signals.plot import page
from moderation.bench.signals.table import Line, Measured, at, best

LINES = (
    Line("vit", "torch_float32", "cpu", 1, 2.0, 3.0),
    Line("vit", "engine_int8", "cpu", 1, 8.0, 20.0),
    Line("vit", "engine_int8", "cpu", 8, 9.0, 20.0),
    Line("vit", "engine_bfloat16", "cuda", 8, 900.0),
    Line("vit", "pipeline_float32", "cpu", 1, 1.5, 3.0, naive=True),
)


def test_a_measurement_survives_the_way_between_processes() -> None:
    found = Measured(LINES, {"a": 1.5}, ("note",))
    assert Measured.from_json(found.to_json()) == found


def test_the_best_batch_counts_and_what_was_not_measured_is_nothing() -> None:
    assert best(LINES, "vit", "engine_int8") == 9.0
    assert at(LINES, "vit", "engine_int8", 1) == 8.0
    assert best(LINES, "vit", "other") == at(LINES, "vit", "engine_int8", 99) == 0.0


def test_figures_have_floors_beside_them_and_peers_stand_apart() -> None:
    assert rates(LINES, naive=False) == {
        "vit_torch_float32_b1_per_s": 2.0,
        "vit_torch_float32_b1_floor_per_s": 3.0,
        "vit_engine_int8_b1_per_s": 8.0,
        "vit_engine_int8_b1_floor_per_s": 20.0,
        "vit_engine_int8_b8_per_s": 9.0,
        "vit_engine_int8_b8_floor_per_s": 20.0,
        "vit_engine_bfloat16_cuda_b8_per_s": 900.0,
    }
    assert rates(LINES, naive=True) == {"vit_pipeline_float32_b1_per_s": 1.5}


def test_a_line_in_words() -> None:
    assert in_words(LINES[1]) == "vit engine_int8 on cpu, batch 1: 8/s, floor 20"
    large = Line("image_similarity", "int8", "cpu", 64, 9470.268684, 21650.4)
    assert in_words(large) == "image_similarity int8 on cpu, batch 64: 9,470/s, floor 21,650"


def test_the_page_shows_every_line_and_runs_nothing() -> None:
    found = page((*LINES, Line("<b>", "<i>", "cpu", 1, 1.0)))
    assert found.count("</svg>") == 3
    for line in LINES:
        assert f"{line.way}, batch {line.batch}" in found
        assert f"{line.per_s:.4g}/s" in found
    assert "<script" not in found
    assert "<b>" not in found


def test_captions_are_all_different_and_the_same_each_time() -> None:
    found = captions(400)
    assert len(set(found)) == 400
    assert found == captions(400)
    assert min(len(text.split()) for text in found) >= 5
