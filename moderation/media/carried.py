"""What a walk through an image file collects: the parts that are not pixels, and where the image ends."""

import zlib
from dataclasses import dataclass, field

MAX_BLOCK_BYTES = 256 * 1024
"""Of an EXIF or XMP block, how much is looked at."""
MAX_TEXT_BYTES = 128 * 1024
"""Of one text, also when it was compressed: a megabyte of zeros fits a kilobyte."""
MAX_TEXTS = 24
MAX_KEY_CHARS = 80


@dataclass(slots=True)
class Carried:
    """The parts of one image file. `end` is where its bytes end, unless the walk had to give up, which is `broken`.

    `cut` when the end was found, and something before it was left out.
    """

    end: int = 0
    images: int = 1
    exif: bytes = b""
    xmp: bytes = b""
    provenance: bool = False
    broken: bool = False
    cut: bool = False
    texts: list[tuple[str, str]] = field(default_factory=list)

    def is_full(self) -> bool:
        """Whether another text would not be kept, which is then noted."""
        full = len(self.texts) >= MAX_TEXTS
        self.cut = self.cut or full
        return full

    def add_text(self, key: bytes, text: bytes, encoding: str = "latin-1") -> None:
        """Keep a text under its key; more than `MAX_TEXTS` are not looked at."""
        if self.is_full():
            return
        self.cut = self.cut or len(text) > MAX_TEXT_BYTES
        shown = text[:MAX_TEXT_BYTES].decode(encoding, "replace")
        self.texts.append((key[:MAX_KEY_CHARS].decode("latin-1"), shown))

    def add_exif(self, block: bytes) -> None:
        """Keep the first EXIF block, without the marker that some formats put before it."""
        self.exif = self.exif or block.removeprefix(b"Exif\0\0")[:MAX_BLOCK_BYTES]

    def add_xmp(self, block: bytes) -> None:
        """Keep the first XMP packet."""
        self.xmp = self.xmp or block[:MAX_BLOCK_BYTES]


def inflated(body: bytes) -> bytes:
    """The first bytes of what `body` was deflated from, one more than a text may have; b"" if it is not deflated."""
    try:
        return zlib.decompressobj().decompress(body, MAX_TEXT_BYTES + 1)
    except zlib.error:
        return b""
