import hashlib
import io
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pdqhash
import pytest
from PIL import Image

from datasets.breaches import COPIED, OVERSIZE_HEIGHT, OVERSIZE_WIDTH
from datasets.samples import SamplePost, banned_picture, sample_banks
from moderation.domain.bank import MAX_DISTANCE_BITS, MIN_QUALITY, BankEffect
from moderation.domain.decision import CLUSTER_BITS
from moderation.domain.verdict import Verdict
from moderation.settings import PROJECT, Settings

DIGESTS = """
import hashlib
from datasets.samples import sample_posts
for post in sample_posts():
    print(post.name, hashlib.sha256(post.image).hexdigest())
"""
WITHOUT_WIDE_VECTORS = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"}


@pytest.fixture(scope="module")
def posts(samples: tuple[SamplePost, ...]) -> dict[str, SamplePost]:
    return {post.name: post for post in samples}


def pdq(image: bytes) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], int]:
    code, quality = pdqhash.compute(np.asarray(Image.open(io.BytesIO(image)).convert("RGB")))
    return np.asarray(code, dtype=np.uint8), int(quality)


def test_names_are_unique_and_every_verdict_occurs(
    samples: tuple[SamplePost, ...], posts: dict[str, SamplePost]
) -> None:
    assert len(posts) == len(samples)
    counts = Counter(post.expected for post in posts.values())
    assert 55 <= len(posts) <= 100
    assert set(counts) == set(Verdict)
    assert all(bool(post.rule) == (post.expected is not Verdict.APPROVE) for post in posts.values())


def test_clean_and_stopped_posts_are_mixed(posts: dict[str, SamplePost]) -> None:
    first_half = list(posts.values())[: len(posts) // 2]
    stopped = sum(post.expected is not Verdict.APPROVE for post in posts.values())
    assert abs(sum(post.expected is not Verdict.APPROVE for post in first_half) - stopped / 2) <= 1


def test_the_bytes_are_equal_in_another_process_on_a_plainer_processor(posts: dict[str, SamplePost]) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONWARNINGS": "ignore", **WITHOUT_WIDE_VECTORS}
    done = subprocess.run([sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True, check=True)
    elsewhere = dict(line.split() for line in done.stdout.splitlines())
    assert elsewhere == {name: hashlib.sha256(post.image).hexdigest() for name, post in posts.items()}


def test_every_clean_or_banked_picture_has_a_usable_hash(posts: dict[str, SamplePost]) -> None:
    clean = {name: post.image for name, post in posts.items() if post.expected is Verdict.APPROVE}
    banked = {name: image for bank in sample_banks() for name, image in bank.pictures}
    qualities = {name: pdq(image)[1] for name, image in {**clean, **banked}.items()}
    assert {name: quality for name, quality in qualities.items() if quality < MIN_QUALITY} == {}


def test_no_clean_picture_is_near_another(posts: dict[str, SamplePost]) -> None:
    codes = [pdq(post.image)[0] for post in posts.values() if post.expected is Verdict.APPROVE]
    codes += [pdq(image)[0] for bank in sample_banks() for _, image in bank.pictures]
    nearest = min(int((one != other).sum()) for i, one in enumerate(codes) for other in codes[:i])
    assert nearest > 2 * MAX_DISTANCE_BITS


@pytest.mark.parametrize("name", ["banned-exact", "banned-jpeg", "banned-small"])
def test_copies_of_the_banned_picture_are_within_the_match_distance(name: str, posts: dict[str, SamplePost]) -> None:
    code, quality = pdq(posts[name].image)
    assert quality >= MIN_QUALITY
    assert int((code != pdq(banned_picture())[0]).sum()) <= MAX_DISTANCE_BITS


def test_copies_of_the_advertised_picture_are_one_cluster(posts: dict[str, SamplePost]) -> None:
    copies = {name: post.image for name, post in posts.items() if name.startswith(COPIED)}
    codes = [pdq(image) for image in copies.values()]
    assert len(set(copies.values())) == 5
    assert all(quality >= MIN_QUALITY for _, quality in codes)
    assert all(int((code != pdq(copies[COPIED])[0]).sum()) <= CLUSTER_BITS for code, _ in codes)


def test_edited_copies_are_not_the_same_file(posts: dict[str, SamplePost]) -> None:
    assert posts["banned-exact"].image == banned_picture()
    assert posts["banned-jpeg"].image != banned_picture() != posts["banned-small"].image


def test_the_flat_picture_has_no_usable_hash(posts: dict[str, SamplePost]) -> None:
    assert pdq(posts["flat"].image)[1] < MIN_QUALITY


def test_the_oversize_picture_is_a_small_file_over_the_default_limit(posts: dict[str, SamplePost]) -> None:
    assert len(posts["oversize"].image) < 100_000
    assert Settings.model_fields["max_pixels"].default < OVERSIZE_WIDTH * OVERSIZE_HEIGHT
    with Image.open(io.BytesIO(posts["oversize"].image)) as image:
        assert image.size == (OVERSIZE_WIDTH, OVERSIZE_HEIGHT)


@pytest.mark.parametrize("name", ["cut-off", "corrupt", "not-a-picture"])
def test_broken_files_do_not_decode(name: str, posts: dict[str, SamplePost]) -> None:
    with pytest.raises((OSError, SyntaxError)), Image.open(io.BytesIO(posts[name].image)) as image:
        image.load()


@pytest.mark.parametrize("name", ["drifting-gif", "drifting-webp"])
def test_animations_move(name: str, posts: dict[str, SamplePost]) -> None:
    with Image.open(io.BytesIO(posts[name].image)) as image:
        assert getattr(image, "n_frames", 1) > 1


def test_every_format_that_the_decoder_takes_occurs(posts: dict[str, SamplePost]) -> None:
    formats = set()
    for post in posts.values():
        if post.expected is Verdict.APPROVE or post.name.startswith("drifting"):
            with Image.open(io.BytesIO(post.image)) as image:
                formats.add(image.format)
    assert formats == {"JPEG", "PNG", "WEBP", "AVIF", "GIF"}


def test_the_banks_reject_and_ask_for_review() -> None:
    assert [bank.bank.effect for bank in sample_banks()] == [BankEffect.BLOCK, BankEffect.REVIEW]


def test_the_readme_says_how_many_there_are(samples: tuple[SamplePost, ...]) -> None:
    assert f"screens {len(samples)} drawn sample posts" in (PROJECT / "README.md").read_text(encoding="utf-8")
