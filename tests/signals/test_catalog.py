"""The contract that every signal type keeps, checked for each type of the catalog."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import ColumnKind, FailureReason, Score, SignalFailure, values_of
from moderation.media.subject import SignalType, Subject
from moderation.signals.catalog import REDUCTIONS, SPECS, build
from moderation.signals.contract import check_distinct, checked
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.runtime import SignalRuntime
from tests.factories import a_post, an_author
from tests.signals.conftest import a_picture, pixels

NAMES = [spec.name for spec in SPECS]
MODELS = {spec.name: spec.models[0] for spec in SPECS if spec.models}


@pytest.fixture(scope="module")
def types(model_store: ModelStore) -> tuple[SignalType, ...]:
    return build(model_store, options=EngineOptions(threads=2))


@pytest.fixture(scope="module")
def runtime(types: tuple[SignalType, ...]) -> SignalRuntime:
    return SignalRuntime(types)


@pytest.fixture(scope="module")
def batch() -> Sequence[Subject]:
    unknown = an_author(account_age_days=None, published_posts=None)
    return (
        Subject(a_post(), a_picture(pixels(1))),
        Subject(a_post(caption="", prompt=""), Refusal(RefusalReason.EMPTY)),
        Subject(a_post(caption="a nude child at bit.ly/x", author=unknown), a_picture(pixels(2), pixels(3))),
        Subject(a_post(caption="\u200b" * 50, prompt="p0rn " * 200), a_picture(pixels(4, 1, 1))),
        Subject(a_post(caption="\ud800 lone surrogate \U0010ffff"), Refusal(RefusalReason.TIMEOUT)),
    )


@pytest.mark.parametrize("position", range(len(SPECS)), ids=NAMES)
class TestEverySignalType:
    def test_its_spec_is_complete(self, position: int) -> None:
        spec = SPECS[position]
        assert spec.name.isidentifier()
        assert spec.version
        assert spec.description.endswith(".")
        assert spec.columns
        assert spec.cost_ms > 0
        assert spec.time_limit_s > 0
        assert spec.known_failures
        for column in spec.columns:
            assert column.name.isidentifier()
            assert column.description
            assert not column.choices or column.kind is ColumnKind.TEXT

    def test_one_sound_result_for_each_subject(
        self, position: int, types: tuple[SignalType, ...], batch: Sequence[Subject]
    ) -> None:
        signal = types[position]
        results = signal.measure(batch)
        assert len(results) == len(batch)
        for result, subject in zip(results, batch, strict=True):
            assert checked(result, signal.spec, subject) is result
            assert set(values_of(result, signal.spec)) == {column.name for column in signal.spec.columns}

    def test_a_posts_result_does_not_depend_on_its_neighbours(
        self, position: int, types: tuple[SignalType, ...], batch: Sequence[Subject]
    ) -> None:
        signal = types[position]
        together = signal.measure(batch)
        backwards = list(reversed(signal.measure(list(reversed(batch)))))
        for subject, result, mirrored in zip(batch, together, backwards, strict=True):
            (alone,) = signal.measure([subject])
            for other in (alone, mirrored):
                assert type(other) is type(result)
                if isinstance(result, Score) and isinstance(other, Score):
                    assert dict(other.values) == pytest.approx(dict(result.values), abs=1e-3)
                else:
                    assert other == result

    def test_nothing_in_nothing_out(self, position: int, types: tuple[SignalType, ...]) -> None:
        assert list(types[position].measure([])) == []


def test_the_runtime_measures_everything_in_catalog_order(runtime: SignalRuntime, batch: Sequence[Subject]) -> None:
    for results in runtime.measure(batch):
        assert [result.signal for result in results] == NAMES
    assert runtime.versions == {spec.name: spec.version for spec in SPECS}
    assert set(runtime.models) == {name for spec in SPECS for name in spec.models} | {"text-presence"}


def test_names_and_columns_differ() -> None:
    check_distinct(SPECS)


def test_a_missing_model_fails_every_post_and_leaves_the_other_signals_alone(
    tmp_path: Path, batch: Sequence[Subject]
) -> None:
    runtime = SignalRuntime(build(ModelStore(tmp_path), options=EngineOptions(threads=1)))
    for results in runtime.measure(batch):
        failed = [result for result in results if isinstance(result, SignalFailure)]
        missing = {result.signal: result for result in failed if result.reason is FailureReason.MODEL_MISSING}
        assert set(missing) == set(MODELS)
        assert all(MODELS[name] in failure.detail for name, failure in missing.items())
        assert {result.reason for result in failed} <= {FailureReason.MODEL_MISSING, FailureReason.UNDECODABLE}
    assert runtime.models == {}


def test_a_model_with_other_bytes_fails_every_post(
    tmp_path: Path, model_store: ModelStore, batch: Sequence[Subject]
) -> None:
    weights = bytearray(model_store.read("opennsfw", "open-nsfw.onnx"))
    weights[len(weights) // 2] ^= 1
    (tmp_path / "opennsfw").mkdir()
    (tmp_path / "opennsfw" / "open-nsfw.onnx").write_bytes(weights)
    runtime = SignalRuntime(build(ModelStore(tmp_path), options=EngineOptions(threads=1)))
    (first, *_) = runtime.measure(batch)
    failure = first[NAMES.index("image_nsfw")]
    assert isinstance(failure, SignalFailure)
    assert failure.reason is FailureReason.MODEL_MISSING


def test_the_catalog_is_read_without_a_model_runtime() -> None:
    code = "import sys, moderation.signals.catalog; print({'onnxruntime', 'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_reductions_can_be_sent_to_the_decoders_process() -> None:
    import pickle  # noqa: PLC0415 - only here

    assert pickle.loads(pickle.dumps(dict(REDUCTIONS))) == dict(REDUCTIONS)
