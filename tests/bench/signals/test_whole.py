"""The whole `moderation bench signals`: what it must print stands in what it prints."""

import json
import math
import os
import subprocess
import sys

import pytest

REQUIRED = ("vit_int8_ratio", "text_single_per_s", "text_batch_per_s", "image_nsfw_per_s")
"""Figures that other programs rely on."""
BATCHES = (1, 8, 32)

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


def test_every_model_precision_and_batch_is_printed_beside_a_naive_loop_and_its_floor() -> None:
    command = [sys.executable, "-m", "moderation", "bench", "signals", "--seconds", "0.1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1100, check=False, env=dict(os.environ))
    printed = done.stdout.strip().splitlines()
    assert printed, done.stderr
    document = json.loads(printed[-1])
    figures, peers = document["figures"], document["peers"]
    assert document["bench"] == "signals"
    assert done.returncode == 0, done.stderr  # a target that is missed is told, and no error
    assert isinstance(document["ok"], bool)
    for key in REQUIRED:
        assert math.isfinite(figures[key]), key
        assert figures[key] > 0, key
    for way in ("vit_torch_float32", "vit_ort_float32", "vit_engine_int8", "text_int8", "image_nsfw_engine_float32"):
        for batch in BATCHES:
            assert figures[f"{way}_b{batch}_per_s"] > 0
            assert figures[f"{way}_b{batch}_floor_per_s"] > 0
    naive = {"vit_pipeline_float32", "text_pipeline_float32", "image_nsfw_session_float32"}
    assert naive <= {key.rsplit("_b", 1)[0] for key in peers}
    assert all(value > 0 for value in peers.values())
