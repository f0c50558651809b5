import hashlib

import pytest

from moderation.domain.verdict import Verdict
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import PNG, png, problem_of

GIF = b"GIF89a" + bytes(20)
HTML = b"<script>alert(1)</script>"


def path_of(image: bytes) -> str:
    return f"/v1/media/{hashlib.sha256(image).hexdigest()}"


def test_a_published_image_is_for_everybody_and_for_caches(backend: Backend) -> None:
    backend.published(backend.key())
    response = backend.client.get(path_of(PNG))
    assert response.status_code == 200
    assert response.content == PNG
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "public, max-age=86400, immutable"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


def test_head_has_the_headers_only(backend: Backend) -> None:
    backend.published(backend.key())
    response = backend.client.head(path_of(PNG))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(PNG))


@pytest.mark.parametrize("verdict", [None, Verdict.HOLD, Verdict.REJECT, Verdict.APPROVE])
def test_what_is_not_published_is_not_there(backend: Backend, verdict: Verdict | None) -> None:
    headers = backend.key("posts:write", "posts:read", "feed:read")
    backend.send(headers)
    if verdict is not None:
        backend.judge(verdict)
    for caller in ({}, headers):
        response = backend.client.get(path_of(PNG), headers=caller)
        problem_of(response, 404, "not_found")
        assert response.headers["cache-control"] == "no-store"


def test_who_may_see_held_images_sees_them_and_no_cache_does(backend: Backend) -> None:
    headers = backend.key("posts:write", "media:held")
    backend.send(headers)
    backend.judge(Verdict.HOLD)
    response = backend.client.get(path_of(PNG), headers=headers)
    assert response.content == PNG
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_an_image_that_no_post_has_is_not_there_for_anybody(backend: Backend) -> None:
    digest = backend.site.blobs.write(png(77))
    problem_of(backend.client.get(f"/v1/media/{digest}", headers=backend.key()), 404, "not_found")


@pytest.mark.parametrize("digest", ["x", "A" * 64, "0" * 63, "..%2f..%2fetc%2fpasswd", "%00"])
def test_a_digest_that_is_none_is_not_there(backend: Backend, digest: str) -> None:
    problem_of(backend.client.get(f"/v1/media/{digest}"), 404, "not_found")


@pytest.mark.parametrize(("image", "kind"), [(GIF, "image/gif"), (HTML, "application/octet-stream")])
def test_the_type_is_what_the_bytes_say(backend: Backend, image: bytes, kind: str) -> None:
    backend.published(backend.key(), image=image)
    response = backend.client.get(path_of(image))
    assert response.headers["content-type"] == kind
    assert response.headers.get("content-disposition", "").startswith("attachment") == (image == HTML)


def test_a_browser_that_has_it_is_not_sent_it_again(backend: Backend) -> None:
    backend.published(backend.key())
    etag = backend.client.get(path_of(PNG)).headers["etag"]
    again = backend.client.get(path_of(PNG), headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    other = backend.client.get(path_of(PNG), headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_an_etag_does_not_open_what_is_held(backend: Backend) -> None:
    headers = backend.key()
    backend.send(headers)
    etag = f'"{hashlib.sha256(PNG).hexdigest()}"'
    problem_of(backend.client.get(path_of(PNG), headers={"If-None-Match": etag}), 404, "not_found")


def test_a_wrong_key_is_refused_even_for_what_is_published(backend: Backend) -> None:
    backend.published(backend.key())
    response = backend.client.get(path_of(PNG), headers={"Authorization": "Bearer mod_wrong"})
    problem_of(response, 401, "unauthenticated")
