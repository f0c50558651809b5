"""Exports of the small models, made once: an export takes seconds."""

import shutil
from pathlib import Path

import pytest
import torch

from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions
from tests.signals.engine.modules import vit_source


@pytest.fixture(scope="session")
def vit_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of the tiny ViT, and what was chosen for it. Tests may add to it; `exports` is for damage."""
    folder = tmp_path_factory.mktemp("exports") / "kept"
    open_module(vit_source(), EngineOptions(device=Device.CPU), exports=folder).close()
    return folder


@pytest.fixture
def exports(vit_exports: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(vit_exports, tmp_path / "exports"))


@pytest.fixture(scope="session")
def cuda() -> None:
    """For tests of what runs on a CUDA device: where there is none, they say so and are skipped."""
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device: what runs on one was not tested here")
