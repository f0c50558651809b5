"""Requests as clients make them."""

import base64
import json
import struct
import zlib
from typing import Any

BOUNDARY = "5b1a6c"


def png(shade: int = 0) -> bytes:
    """A valid PNG of 4 by 4 pixels of one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + bytes([shade]) * 4 for _ in range(4))
    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = png()


def form(image: bytes = PNG, **fields: str) -> tuple[str, bytes]:
    """Content type and body of a multipart post."""
    fields = {"caption": "A quiet lake", "prompt": "lake, oil painting", "author": "author-1"} | fields
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="evil.html"\r\n'
        "Content-Type: text/html\r\n\r\n".encode()
        + image
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    return f"multipart/form-data; boundary={BOUNDARY}", b"\r\n".join(parts) + f"\r\n--{BOUNDARY}--\r\n".encode()


def json_post(image: bytes = PNG, **changes: Any) -> dict[str, Any]:
    """A post as a JSON document."""
    return {
        "image": base64.b64encode(image).decode(),
        "caption": "A quiet lake",
        "prompt": "lake, oil painting",
        "author": {"id": "author-1"},
        **changes,
    }


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refused request, checked for its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"/docs#problem-{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["x-request-id"]
    return document
