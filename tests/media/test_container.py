import json
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.media import ContainerFacts, EmbeddedFile, Refusal, RefusalReason
from moderation.media.container import container_of, thumbnail_correlation
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Picture
from tests.media.containers import (
    KINDS,
    PARAMETERS,
    PROMPT,
    XMP_GENERATED,
    archive,
    exif,
    gif_with_comment,
    plain,
    png_text,
    text_bomb,
    webp_with,
    with_chunks,
    with_exif,
    with_segment,
    with_thumbnail,
)
from tests.media.images import LIMITS, animation, chunk, encoded, noise

NOTHING = ContainerFacts()
WITH_EXIF = ("JPEG", "PNG", "WEBP", "AVIF")


def facts(data: bytes) -> ContainerFacts:
    return container_of(data).facts


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_picture_carries_nothing(kind: str) -> None:
    assert facts(plain(kind)) == NOTHING


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_carries_nothing(kind: str) -> None:
    assert facts(animation(kind, 5)) == NOTHING


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 1}, {"quality": 1}])
def test_every_way_to_write_a_jpeg_is_walked_to_its_end(options: dict[str, object]) -> None:
    assert facts(encoded(noise(200, 300), "JPEG", **options)) == NOTHING


@pytest.mark.parametrize("kind", WITH_EXIF)
def test_exif_names_camera_software_and_place(kind: str) -> None:
    block = exif(make="Canon", model="EOS R5", software="Firmware 1.2", location=True)
    found = facts(with_exif(kind, block))
    assert found == replace(NOTHING, exif=True, location=True, camera="Canon EOS R5", software="Firmware 1.2")


@pytest.mark.parametrize("kind", WITH_EXIF)
def test_exif_without_a_place_has_none(kind: str) -> None:
    assert not facts(with_exif(kind, exif(software="x"))).location


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + PARAMETERS.encode(),
        b"UNICODE\0" + PARAMETERS.encode("utf-16-be"),
        b"UNICODE\0" + PARAMETERS.encode("utf-16-le"),
        b"\0" * 8 + PARAMETERS.encode(),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_settings_in_a_user_comment_are_a_prompt(kind: str, comment: bytes) -> None:
    found = facts(with_exif(kind, exif(comment=comment)))
    assert (found.prompt, found.generator) == (PROMPT, "stable-diffusion")


@pytest.mark.parametrize("compressed", [False, True])
def test_settings_in_a_png_text_are_a_prompt(compressed: bool) -> None:
    found = facts(png_text("parameters", PARAMETERS, compressed=compressed))
    assert found == replace(NOTHING, prompt=PROMPT, generator="stable-diffusion")


def test_settings_begun_again_and_again_take_no_time() -> None:
    body = b"parameters\0\0" + zlib.compress(b"Steps: 1, " * 13_000)
    file = with_chunks(*(chunk(b"zTXt", body) for _ in range(20)))
    assert len(file) < 20_000
    started = time.process_time()
    assert facts(file).generator == ""
    assert time.process_time() - started < 2.0


def test_many_texts_hide_nothing_behind_the_image() -> None:
    file = with_chunks(*[chunk(b"tEXt", b"key\0text")] * 30) + b"Rar!\x1a\x07\x01\x00" + bytes(range(1, 100))
    found = facts(file)
    assert (found.embedded_file, found.trailing_bytes, found.complete) == (EmbeddedFile.ARCHIVE, 107, False)


def test_an_archive_is_seen_where_the_structure_could_not_be_followed() -> None:
    file = plain("JPEG")
    many = file[:2] + b"\xff\xfe\x00\x04ab" * 2_100 + file[2:]
    assert facts(many + b"Rar!\x1a\x07\x01\x00").embedded_file is EmbeddedFile.ARCHIVE
    assert facts(many).embedded_file is EmbeddedFile.NONE


@pytest.mark.parametrize("start", [b"key\0\0", b"XML:com.adobe.xmp\0\1\0\0\0"])
def test_thousands_of_compressed_texts_take_no_time(start: bytes) -> None:
    kind = b"iTXt" if start.startswith(b"XML") else b"zTXt"
    file = with_chunks(*[chunk(kind, start + zlib.compress(bytes(2**17)))] * 15_000)
    started = time.process_time()
    assert facts(file).complete is (kind == b"iTXt")
    assert time.process_time() - started < 2.0


def test_a_workflow_of_nodes_has_its_longest_text_as_prompt() -> None:
    nodes = {
        "3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry"}},
    }
    texts = [chunk(b"tEXt", b"prompt\0" + json.dumps(nodes).encode()), chunk(b"tEXt", b"workflow\0{}")]
    assert facts(with_chunks(*texts)) == replace(NOTHING, prompt=PROMPT, generator="comfyui")


def test_a_workflow_in_the_cameras_fields_is_no_camera() -> None:
    nodes = json.dumps({"3": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT + " " + "x" * 5_000}}})
    found = facts(with_exif("WEBP", exif(make='Workflow:{"nodes":[]}', model=f"Prompt:{nodes}")))
    assert (found.camera, found.generator) == ("", "comfyui")
    assert found.prompt.startswith(PROMPT)


def test_nodes_without_a_workflow_name_their_generator() -> None:
    nodes = json.dumps({"3": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT}}})
    found = facts(png_text("prompt", nodes))
    assert (found.generator, found.prompt) == ("comfyui", PROMPT)


@pytest.mark.parametrize(
    "description",
    [
        'dc:description="{} &amp; fog --v 6"/>',
        "/><dc:description><rdf:Alt><rdf:li xml:lang='en'>{} &amp; fog --v 6</rdf:li></rdf:Alt></dc:description>",
    ],
)
def test_the_description_in_xmp_is_a_prompt_where_a_generator_is_named(description: str) -> None:
    packet = "<x:xmpmeta><rdf:Description xmp:CreatorTool='{}' " + description.format(PROMPT) + "</x:xmpmeta>"
    start = b"http://ns.adobe.com/xap/1.0/\0"
    named = facts(with_segment(plain("JPEG"), 0xE1, start + packet.replace("{}", "Midjourney").encode()))
    assert (named.generator, named.prompt) == ("midjourney", f"{PROMPT} & fog")
    camera = facts(with_segment(plain("JPEG"), 0xE1, start + packet.replace("{}", "Photos").encode()))
    assert (camera.generator, camera.prompt) == ("", "")


def test_descriptions_without_an_end_take_no_time() -> None:
    packet = b"http://ns.adobe.com/xap/1.0/\0" + b"dc:description><" * 4_000
    started = time.process_time()
    assert facts(with_segment(plain("JPEG"), 0xE1, packet)).prompt == ""
    assert time.process_time() - started < 0.5


def test_a_description_with_an_escape_of_thousands_of_digits_is_read() -> None:
    packet = f"<x:xmpmeta><rdf:Description xmp:CreatorTool='Midjourney' dc:description=\"{PROMPT} &#{'1' * 6_000}\"/>"
    found = facts(with_segment(plain("JPEG"), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()))
    assert found.generator == "midjourney"
    assert found.prompt.startswith(PROMPT)


def test_international_text_is_read() -> None:
    body = b"Description\0\0\0en\0\0" + b"Ein See, gemalt von Midjourney --v 6 Job ID: 12"
    found = facts(with_chunks(chunk(b"iTXt", body)))
    assert (found.generator, found.prompt) == ("midjourney", "Ein See, gemalt von Midjourney")


def test_a_photographs_description_is_no_prompt() -> None:
    found = facts(with_exif("JPEG", exif(make="Nikon", description="Our holidays at the lake")))
    assert (found.prompt, found.generator) == ("", "")


def test_a_comment_in_a_gif_is_read() -> None:
    found = facts(gif_with_comment(PARAMETERS.encode()))
    assert (found.generator, found.prompt, found.complete) == ("stable-diffusion", PROMPT, True)


@pytest.mark.parametrize(
    "file",
    [
        with_segment(plain("JPEG"), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP_GENERATED),
        with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_GENERATED)),
        webp_with(b"XMP ", XMP_GENERATED),
        encoded(noise(48, 64), "AVIF", xmp=XMP_GENERATED),
    ],
    ids=["jpeg", "png", "webp", "avif"],
)
def test_xmp_names_source_type_and_generator(file: bytes) -> None:
    found = facts(file)
    assert found.source_type == "trainedAlgorithmicMedia"
    assert (found.generator, found.software) == ("firefly", "Adobe Firefly")
    assert found.complete


@pytest.mark.parametrize(
    "file",
    [
        with_segment(plain("JPEG"), 0xEB, b"JP\0\1\0\0\0\1jumb"),
        with_chunks(chunk(b"caBX", b"jumb")),
        webp_with(b"C2PA", b"jumb"),
        plain("AVIF") + b"\0\0\0\x20uuid" + bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(8),
    ],
    ids=["jpeg", "png", "webp", "avif"],
)
def test_a_manifest_of_provenance_is_noticed(file: bytes) -> None:
    assert facts(file) == replace(NOTHING, provenance=True)


TRAILERS = [
    (archive(), EmbeddedFile.ARCHIVE),
    (b"Rar!\x1a\x07\x01\0" + bytes(range(40)), EmbeddedFile.ARCHIVE),
    (b"junk before " * 3 + b"7z\xbc\xaf\x27\x1c rest", EmbeddedFile.ARCHIVE),
    (b"\x1f\x8b\x08" + bytes(range(1, 40)), EmbeddedFile.ARCHIVE),
    (b"\n<HTML><body onload=x>hello</body>", EmbeddedFile.DOCUMENT),
    (b"%PDF-1.7 and so on and on", EmbeddedFile.DOCUMENT),
    (b"<?php system($_GET[0]); ?>", EmbeddedFile.PROGRAM),
    (b"MZ" + bytes(range(1, 60)), EmbeddedFile.PROGRAM),
    (b"\x7fELF" + bytes(range(1, 60)), EmbeddedFile.PROGRAM),
    (b"\0\0\0\x18ftypmp42" + bytes(range(1, 60)), EmbeddedFile.VIDEO),
    (b"any bytes that belong to nothing", EmbeddedFile.UNKNOWN),
    (b"short", EmbeddedFile.NONE),
]


@pytest.mark.parametrize(("trailer", "kind"), TRAILERS, ids=[str(index) for index in range(len(TRAILERS))])
@pytest.mark.parametrize("image", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_follows_the_image_is_counted_and_named(image: str, trailer: bytes, kind: EmbeddedFile) -> None:
    found = facts(plain(image) + bytes(3) + trailer)
    assert found.embedded_file is kind
    assert found.trailing_bytes == len(trailer.lstrip(b"\0"))
    assert found.complete


def test_an_archive_behind_an_avif_is_found() -> None:
    found = facts(plain("AVIF") + archive())
    assert (found.embedded_file, found.trailing_bytes) == (EmbeddedFile.ARCHIVE, len(archive()))


def test_an_archive_inside_the_image_is_found_where_readers_find_it() -> None:
    assert facts(with_segment(plain("JPEG"), 0xFE, archive())).embedded_file is EmbeddedFile.ARCHIVE
    assert facts(with_chunks(chunk(b"zipp", archive()))).embedded_file is EmbeddedFile.ARCHIVE
    assert facts(plain("JPEG") + b"x" * 30 + archive()).embedded_file is EmbeddedFile.ARCHIVE


def test_padding_with_zeros_is_nothing() -> None:
    assert facts(plain("JPEG") + bytes(5_000)) == NOTHING


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_further_images_are_counted(kind: str) -> None:
    found = facts(plain(kind) * 3 + b"and something else")
    assert (found.images, found.trailing_bytes) == (3, len(b"and something else"))
    assert facts(plain(kind) * 40).images == 8


def test_a_script_in_a_comment_is_named() -> None:
    assert facts(with_segment(plain("JPEG"), 0xFE, b"<script>alert(1)</script>")).embedded_file is EmbeddedFile.DOCUMENT
    assert facts(png_text("Comment", "<?php echo 1 ?>")).embedded_file is EmbeddedFile.PROGRAM


def test_a_text_bomb_is_cut_and_told() -> None:
    started = time.process_time()
    found = facts(with_chunks(*[text_bomb(b"parameters", 50_000_000)] * 40))
    assert not found.complete
    assert len(found.prompt) <= 4_000
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 2_000_000,
        b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff\xd0" * 1_000_000,
        b"\x89PNG\r\n\x1a\n" + (b"\0\0\0\0tEXt" + bytes(4)) * 150_000,
        b"GIF89a" + bytes(7) + b"\x2c" + bytes(10) + b"\1\1" * 1_000_000,
        b"GIF89a" + bytes(7) + b"\x21\xfe\1a\0" * 300_000,
        b"RIFF\xff\xff\xff\x7fWEBP" + bytes(2_000_000),
        b"\0\0\0\x10ftypavif\0\0\0\0" + b"\0\0\0\x08free" * 250_000,
    ],
    ids=["fill", "comments", "restarts", "chunks", "blocks", "extensions", "riff", "boxes"],
)
def test_hostile_structures_take_little_time(data: bytes) -> None:
    started = time.process_time()
    assert not facts(data).complete
    assert time.process_time() - started < 4.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_described(kind: str) -> None:
    whole = with_exif(kind, exif(make="Canon", location=True)) if kind in WITH_EXIF else plain(kind)
    for end in range(0, len(whole), 37):
        found = facts(whole[:end])
        assert found.embedded_file in EmbeddedFile
        assert found.trailing_bytes <= end


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), changes=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), max_size=6))
def test_changed_bytes_never_raise(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(
        with_exif(kind, exif(make="Canon", software="x", location=True)) if kind in WITH_EXIF else plain(kind)
    )
    for at, value in changes:
        data[at % len(data)] = value
    assert isinstance(facts(bytes(data)), ContainerFacts)


def soft(seed: int) -> np.ndarray:
    return noise(48, 64, seed).repeat(8, axis=0).repeat(8, axis=1)


def test_a_thumbnail_is_compared_with_the_picture() -> None:
    same, other = container_of(with_thumbnail(soft(1), soft(1))), container_of(with_thumbnail(soft(1), soft(2)))
    alike, apart = same.beside(soft(1)).thumbnail_correlation, other.beside(soft(1)).thumbnail_correlation
    assert alike is not None
    assert apart is not None
    assert alike > 0.95
    assert apart < 0.6


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_thumbnail_is_the_same_picture(turns: int) -> None:
    thumbnail = encoded(np.rot90(noise(48, 64)).copy() if turns % 2 else noise(48, 64), "JPEG")
    found = thumbnail_correlation(thumbnail, np.ascontiguousarray(np.rot90(noise(48, 64), turns)))
    assert found is not None
    assert found > 0.9


@pytest.mark.parametrize(
    "thumbnail", [b"", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff" + bytes(20)]
)
def test_a_thumbnail_that_is_no_small_picture_is_not_compared(thumbnail: bytes) -> None:
    assert thumbnail_correlation(thumbnail, noise(48, 64)) is None


def test_facts_cross_from_the_decoder_also_for_refused_pictures() -> None:
    cut = with_exif("JPEG", exif(make="Canon", location=True))[:-300]
    with DecoderProcess(LIMITS, {}) as decoder:
        whole, refused, unknown = decoder.decode([with_thumbnail(soft(1), soft(1)) + archive(), cut, b"nothing"])
    assert isinstance(whole, Picture)
    assert whole.container is not None
    assert whole.container.embedded_file is EmbeddedFile.ARCHIVE
    assert (whole.container.thumbnail_correlation or 0) > 0.9
    assert isinstance(refused, Refusal)
    assert refused.reason is RefusalReason.TRUNCATED
    assert refused.container == replace(NOTHING, exif=True, location=True, camera="Canon", complete=False)
    assert isinstance(unknown, Refusal)
    assert unknown.container is None


def test_ordinary_files_are_complete_and_broken_ones_do_not_raise(shared: Path) -> None:
    folders = {name: sorted((shared / "corpora" / name).iterdir()) for name in ("photos", "large", "malformed")}
    for path in folders["photos"] + folders["large"]:
        assert facts(path.read_bytes()) == NOTHING
    assert sum(not facts(path.read_bytes()).complete for path in folders["malformed"]) > 100
