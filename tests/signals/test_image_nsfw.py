import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageOps

from moderation.domain.errors import ModelStoreError
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.subject import Frame, Picture, Rgb, Subject
from moderation.signals.image_nsfw import FRAMES_AT_ONCE, ImageNsfw
from moderation.signals.models import ModelStore
from tests.factories import a_post, facts
from tests.signals.conftest import a_picture, pixels

TOLERANCE = 1e-3
REFUSED = Refusal(RefusalReason.TRUNCATED, "ends early")


@pytest.fixture(scope="module")
def signal(model_store: ModelStore) -> ImageNsfw:
    return ImageNsfw.load(model_store, threads=2)


@pytest.fixture(scope="module")
def reference(model_store: ModelStore) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model_store.path("opennsfw", "open-nsfw.onnx"))


def reference_score(session: onnxruntime.InferenceSession, rgb: Rgb) -> float:
    """The publisher's `classify_nsfw.py`, step by step, around the unchanged model."""
    resized = Image.fromarray(rgb).resize((256, 256), Image.Resampling.BILINEAR)
    buffer = BytesIO()
    resized.save(buffer, format="JPEG")
    reloaded = np.array(Image.open(BytesIO(buffer.getvalue())), dtype=np.float32)
    cropped = reloaded[16:240, 16:240]
    blue_first = cropped[:, :, ::-1] - np.array([104, 117, 123], dtype=np.float32)
    (outputs,) = session.run(["outputs"], {"input:0": blue_first[None]})
    return float(outputs[0, 1])


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


def test_it_scores_photographs_as_the_reference_does(
    signal: ImageNsfw, reference: onnxruntime.InferenceSession, shared: Path
) -> None:
    files = sorted((shared / "corpora" / "photos").iterdir())[:24]
    pictures = [np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB")) for file in files]
    results = signal.measure([Subject(a_post(), a_picture(picture)) for picture in pictures])
    expected = [reference_score(reference, picture) for picture in pictures]
    assert [score_of(result) for result in results] == pytest.approx(expected, abs=TOLERANCE)


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
        ImageNsfw.load(ModelStore(tmp_path), threads=1)
