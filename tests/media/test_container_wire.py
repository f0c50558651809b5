import json
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from moderation.domain.media import ContainerFacts, EmbeddedFile
from moderation.media.container_wire import MAX_CLAIM_CHARS, MAX_PROMPT_CHARS, container_fields, read_container
from moderation.media.generators import NAMES

MAX_BYTES = 1_000_000
FULL = ContainerFacts(
    exif=True,
    location=True,
    camera="Canon EOS R5",
    software="ComfyUI",
    generator="comfyui",
    prompt="a quiet lake",
    trailing_bytes=12,
    embedded_file=EmbeddedFile.ARCHIVE,
    images=2,
    thumbnail_correlation=0.25,
    provenance=True,
    source_type="trainedAlgorithmicMedia",
    complete=False,
)


def sent(facts: ContainerFacts) -> dict[str, object]:
    fields = json.loads(json.dumps(container_fields(facts)))
    assert isinstance(fields, dict)
    return fields


@pytest.mark.parametrize("facts", [ContainerFacts(), FULL])
def test_facts_survive_the_way(facts: ContainerFacts) -> None:
    assert read_container(sent(facts), MAX_BYTES) == facts


@given(
    camera=st.text(max_size=MAX_CLAIM_CHARS),
    prompt=st.text(max_size=200),
    generator=st.sampled_from(sorted(NAMES)),
    correlation=st.floats(-1, 1),
)
def test_texts_come_out_printable(camera: str, prompt: str, generator: str, correlation: float) -> None:
    facts = ContainerFacts(camera=camera, prompt=prompt, generator=generator, thumbnail_correlation=correlation)
    found = read_container(sent(facts), MAX_BYTES)
    assert found.camera.isprintable()
    assert found.prompt.isprintable()
    assert found.thumbnail_correlation == correlation


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exif", 1),
        ("location", None),
        ("camera", None),
        ("camera", "x" * (MAX_CLAIM_CHARS + 1)),
        ("generator", "a generator of its own"),
        ("prompt", "x" * (MAX_PROMPT_CHARS + 1)),
        ("prompt", ["x"]),
        ("trailing_bytes", -1),
        ("trailing_bytes", MAX_BYTES + 1),
        ("trailing_bytes", True),
        ("trailing_bytes", 1.0),
        ("embedded_file", "virus"),
        ("images", 0),
        ("images", 9),
        ("thumbnail_correlation", "1"),
        ("thumbnail_correlation", math.nan),
        ("thumbnail_correlation", math.inf),
        ("source_type", "x" * 61),
        ("complete", "yes"),
        ("more", 1),
    ],
)
def test_nonsense_is_noticed(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=" "):
        read_container({**sent(FULL), name: value}, MAX_BYTES)


@pytest.mark.parametrize("value", [None, [], {}, "text", {"exif": True}])
def test_what_is_not_facts_is_noticed(value: object) -> None:
    with pytest.raises(ValueError, match="fields"):
        read_container(value, MAX_BYTES)
