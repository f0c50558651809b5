import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from moderation.domain.errors import ModelStoreError
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.subject import Frame, Picture, Rgb, Subject
from moderation.signals.engine.options import EngineOptions
from moderation.signals.image_nsfw import FRAMES_AT_ONCE, ImageNsfw, unit_bytes
from moderation.signals.models import ModelStore
from tests.factories import a_post, facts
from tests.signals.conftest import a_picture, pixels
from tests.signals.engine.in_torch import run_in_torch

TOLERANCE = 1e-3
REFUSED = Refusal(RefusalReason.TRUNCATED, "ends early")


@pytest.fixture(scope="module")
def signal(model_store: ModelStore) -> ImageNsfw:
    return ImageNsfw.load(model_store, options=EngineOptions(threads=2))


@pytest.fixture(scope="module")
def reference(model_store: ModelStore) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model_store.path("opennsfw", "open-nsfw.onnx"))


def reference_input(rgb: Rgb) -> NDArray[np.float32]:
    """The publisher's `classify_nsfw.py`, step by step."""
    resized = Image.fromarray(rgb).resize((256, 256), Image.Resampling.BILINEAR)
    buffer = BytesIO()
    resized.save(buffer, format="JPEG")
    reloaded = np.array(Image.open(BytesIO(buffer.getvalue())), dtype=np.float32)
    cropped = reloaded[16:240, 16:240]
    blue_first = cropped[:, :, ::-1] - np.array([104, 117, 123], dtype=np.float32)
    return blue_first[None]


def reference_score(session: onnxruntime.InferenceSession, rgb: Rgb) -> float:
    """The unchanged model after the publisher's preparation."""
    (outputs,) = session.run(["outputs"], {"input:0": reference_input(rgb)})
    return float(outputs[0, 1])


def torch_score(model: onnx.ModelProto, rgb: Rgb) -> float:
    """The publisher's preparation, and the graph computed node by node by torch: no code of ONNX Runtime."""
    return float(run_in_torch(model, reference_input(rgb))["outputs"][0, 1])


def score_of(result: object) -> float:
    assert isinstance(result, Score)
    value = result.values["image_nsfw"]
    assert isinstance(value, float)
    return value


def test_it_scores_as_the_reference_does(signal: ImageNsfw, reference: onnxruntime.InferenceSession) -> None:
    pictures = [pixels(1), pixels(2, 900, 120), pixels(3, 224, 224), pixels(4, 31, 57), pixels(5, 1200, 900)]
    results = signal.measure([Subject(a_post(), a_picture(picture)) for picture in pictures])
    expected = [reference_score(reference, picture) for picture in pictures]
    assert [score_of(result) for result in results] == pytest.approx(expected, abs=TOLERANCE)
    assert max(expected) - min(expected) > 100 * TOLERANCE


def photograph(file: Path) -> Rgb:
    return np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB"))


def test_it_scores_photographs_as_an_independent_computation_does(
    signal: ImageNsfw, model_store: ModelStore, shared: Path
) -> None:
    model = onnx.load_model_from_string(model_store.read("opennsfw", "open-nsfw.onnx"))
    pictures = [photograph(file) for file in sorted((shared / "corpora" / "photos").iterdir())[:160:8]]
    results = signal.measure([Subject(a_post(), a_picture(picture)) for picture in pictures])
    expected = [torch_score(model, picture) for picture in pictures]
    assert [score_of(result) for result in results] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.long
@pytest.mark.parametrize("folder", ["photos", "large"])
def test_it_scores_every_photograph_as_the_reference_does(
    signal: ImageNsfw, reference: onnxruntime.InferenceSession, shared: Path, folder: str
) -> None:
    for file in sorted((shared / "corpora" / folder).iterdir()):
        picture = photograph(file)
        (result,) = signal.measure([Subject(a_post(), a_picture(picture))])
        assert score_of(result) == pytest.approx(reference_score(reference, picture), abs=TOLERANCE), file.name


def features_of(result: object) -> NDArray[np.float64]:
    assert isinstance(result, Score)
    assert result.features is not None
    return np.frombuffer(result.features.values, np.int8) / 127.0


def test_features_are_unit_vectors_of_the_model_that_is_pinned(signal: ImageNsfw) -> None:
    (result,) = signal.measure([Subject(a_post(), a_picture(pixels(1)))])
    assert isinstance(result, Score)
    assert result.features is not None
    assert result.features.model == signal.models["opennsfw"]
    assert len(result.features.values) == 1024
    assert np.linalg.norm(features_of(result)) == pytest.approx(1.0, abs=0.01)


def test_features_of_like_pictures_are_alike(signal: ImageNsfw) -> None:
    picture = pixels(1)
    brighter = np.clip(picture * 1.05, 0, 255).astype(np.uint8)
    first, same, other = (
        features_of(signal.measure([Subject(a_post(), a_picture(one))])[0])
        for one in (picture, brighter, np.zeros_like(picture))
    )
    assert first @ same > 0.95
    assert first @ same > first @ other + 0.05


def test_an_animation_has_the_features_of_its_worst_frame(signal: ImageNsfw) -> None:
    frames = [pixels(seed) for seed in range(6)]
    alone = [signal.measure([Subject(a_post(), a_picture(frame))])[0] for frame in frames]
    (together,) = signal.measure([Subject(a_post(), a_picture(*frames))])
    worst = max(alone, key=score_of)
    assert np.abs(features_of(together) - features_of(worst)).max() <= 1 / 127 + 1e-9


def test_what_has_no_direction_has_no_features() -> None:
    assert unit_bytes(np.zeros(4, np.float32)) == b""
    assert unit_bytes(np.array([1, np.nan], np.float32)) == b""
    assert unit_bytes(np.array([0, -3], np.float32)) == np.array([0, -127], np.int8).tobytes()


def test_an_animation_scores_as_its_worst_frame(signal: ImageNsfw) -> None:
    frames = [pixels(seed) for seed in range(6)]
    alone = [score_of(signal.measure([Subject(a_post(), a_picture(frame))])[0]) for frame in frames]
    (together,) = signal.measure([Subject(a_post(), a_picture(*frames))])
    assert score_of(together) == pytest.approx(max(alone), abs=TOLERANCE)
    assert max(alone) > min(alone)


def test_each_post_keeps_its_own_score_among_refusals_and_many_frames(signal: ImageNsfw) -> None:
    many = a_picture(*[pixels(seed, 64, 64) for seed in range(FRAMES_AT_ONCE + 3)])
    pictures: list[Picture | Refusal] = [
        a_picture(pixels(1)),
        REFUSED,
        many,
        a_picture(pixels(2)),
        REFUSED,
        a_picture(pixels(3)),
    ]
    results = signal.measure([Subject(a_post(), picture) for picture in pictures])
    for picture, result in zip(pictures, results, strict=True):
        if isinstance(picture, Refusal):
            assert result == SignalFailure("image_nsfw", FailureReason.UNDECODABLE, "truncated")
        else:
            (alone,) = signal.measure([Subject(a_post(), picture)])
            assert score_of(result) == pytest.approx(score_of(alone), abs=TOLERANCE)


def test_a_picture_without_frames_is_a_failure(signal: ImageNsfw) -> None:
    (result,) = signal.measure([Subject(a_post(), Picture(facts(), ()))])
    assert isinstance(result, SignalFailure)


def test_a_frame_that_was_not_prepared_raises(signal: ImageNsfw) -> None:
    with pytest.raises(KeyError):
        signal.measure([Subject(a_post(), Picture(facts(), (Frame(pixels(1), {}),)))])


def test_nothing_to_measure_is_no_result(signal: ImageNsfw) -> None:
    assert signal.measure([]) == []


def test_it_may_be_called_from_several_threads(signal: ImageNsfw) -> None:
    subjects = [Subject(a_post(), a_picture(pixels(seed))) for seed in range(4)]
    alone = [score_of(signal.measure([subject])[0]) for subject in subjects]
    found: dict[int, float] = {}

    def work(index: int) -> None:
        found[index] = score_of(signal.measure([subjects[index]])[0])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(subjects))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[index] for index in range(len(subjects))] == pytest.approx(alone, abs=TOLERANCE)


def test_it_says_which_model_it_loaded(signal: ImageNsfw) -> None:
    digest = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
    assert signal.models == {"opennsfw": digest}


def test_it_does_not_load_without_the_model(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError):
        ImageNsfw.load(ModelStore(tmp_path), options=EngineOptions(threads=1))
