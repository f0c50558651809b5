import pytest

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Score
from moderation.media.subject import Picture, Subject
from moderation.signals.image_facts import IMAGE_FACTS, ImageFacts
from tests.factories import a_post, facts


def values(picture: Picture | Refusal) -> dict[str, object]:
    (result,) = ImageFacts().measure([Subject(a_post(image_bytes=1234), picture)])
    assert isinstance(result, Score)
    return dict(result.values)


def test_a_decoded_image_is_described() -> None:
    assert values(Picture(facts("JPEG", 3000, 2000), ())) == {
        "image_status": "decoded",
        "image_bytes": 1234,
        "image_format": "jpeg",
        "image_width": 3000,
        "image_height": 2000,
        "image_megapixels": 6.0,
        "image_aspect": 1.5,
        "image_frames": 1,
        "image_animated": False,
    }


def test_an_upright_animation_is_described() -> None:
    found = values(Picture(facts("gif", 100, 400, frames=12), ()))
    assert (found["image_aspect"], found["image_frames"], found["image_animated"]) == (4.0, 12, True)


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refusal_is_a_measurement_too(reason: RefusalReason) -> None:
    found = values(Refusal(reason, "detail"))
    assert found.pop("image_status") == reason.value
    assert found.pop("image_bytes") == 1234
    assert set(found.values()) == {None}


def test_the_spec_names_every_status() -> None:
    (status,) = [column for column in IMAGE_FACTS.columns if column.name == "image_status"]
    assert set(status.choices) == {"decoded", *(reason.value for reason in RefusalReason)}
