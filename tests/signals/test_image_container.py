import hypothesis.strategies as st
import pytest
from hypothesis import given

from moderation.domain.media import ContainerFacts, EmbeddedFile, Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.subject import Picture, Subject
from moderation.signals.contract import checked
from moderation.signals.image_container import IMAGE_CONTAINER, ImageContainer, overlap
from tests.factories import a_post, facts

PROMPT = "lake, dawn, mist, oil painting"
FULL = ContainerFacts(
    exif=True,
    location=True,
    camera="Canon EOS R5",
    software="ComfyUI 1.0",
    generator="comfyui",
    prompt="a naked lake at dawn",
    trailing_bytes=12,
    embedded_file=EmbeddedFile.ARCHIVE,
    images=2,
    thumbnail_correlation=0.25,
    provenance=True,
    source_type="trainedAlgorithmicMedia",
    complete=False,
)


def measured(picture: Picture | Refusal) -> Score:
    subject = Subject(a_post(prompt=PROMPT), picture)
    (result,) = ImageContainer().measure([subject])
    assert checked(result, IMAGE_CONTAINER, subject) is result
    assert isinstance(result, Score)
    return result


def test_a_plain_file_has_no_oddities() -> None:
    result = measured(Picture(facts(), (), ContainerFacts()))
    assert result.values == {
        "image_exif": False,
        "image_location": False,
        "image_camera": False,
        "image_generator": "none",
        "image_embedded_prompt": False,
        "image_embedded_prompt_overlap": None,
        "image_trailing_bytes": 0,
        "image_embedded_file": "none",
        "image_file_images": 1,
        "image_thumbnail_correlation": None,
        "image_provenance": False,
        "image_source_type": "none",
        "image_container_complete": True,
    }
    assert result.detail == {}


@pytest.mark.parametrize("picture", [Picture(facts(), (), FULL), Refusal(RefusalReason.CORRUPT, "", FULL)])
def test_what_a_file_carries_is_told_also_of_one_without_a_picture(picture: Picture | Refusal) -> None:
    result = measured(picture)
    assert result.values == {
        "image_exif": True,
        "image_location": True,
        "image_camera": True,
        "image_generator": "comfyui",
        "image_embedded_prompt": True,
        "image_embedded_prompt_overlap": 0.5,
        "image_trailing_bytes": 12,
        "image_embedded_file": "archive",
        "image_file_images": 2,
        "image_thumbnail_correlation": 0.25,
        "image_provenance": True,
        "image_source_type": "generated",
        "image_container_complete": False,
    }
    assert result.detail == {"camera": "Canon EOS R5", "software": "ComfyUI 1.0", "prompt": "a naked lake at dawn"}


@pytest.mark.parametrize(("source", "name"), [("digitalCapture", "captured"), ("somethingNew", "other"), ("", "none")])
def test_source_types_have_names(source: str, name: str) -> None:
    picture = Picture(facts(), (), ContainerFacts(source_type=source))
    assert measured(picture).values["image_source_type"] == name


@pytest.mark.parametrize("picture", [Picture(facts(), ()), Refusal(RefusalReason.TIMEOUT)])
def test_a_file_that_nobody_looked_at_is_a_failure(picture: Picture | Refusal) -> None:
    (result,) = ImageContainer().measure([Subject(a_post(), picture)])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.UNDECODABLE


@pytest.mark.parametrize(
    ("embedded", "stated", "share"),
    [
        ("", "anything", None),
        ("!!! ???", "anything", None),
        ("A Quiet Lake", "a quiet lake, at dawn", 1.0),
        ("quiet lake", "loud street", 0.0),
        ("quiet lake", "", 0.0),
        ("一只黑猫", "黑猫", 0.5),
        ("n\u0430ked lake", "naked lake", 1.0),
    ],
)
def test_the_overlap_of_prompts(embedded: str, stated: str, share: float | None) -> None:
    assert overlap(embedded, stated) == share


@given(embedded=st.text(max_size=60), stated=st.text(max_size=60))
def test_the_overlap_is_a_share_and_whole_with_oneself(embedded: str, stated: str) -> None:
    found = overlap(embedded, stated)
    assert found is None or 0 <= found <= 1
    assert overlap(embedded, embedded) in {None, 1.0}
