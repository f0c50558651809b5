from pathlib import Path

import pytest

from moderation.bench.bars import OURS, PEER, WIDTH, Bar, Block, bar_page, write_drawing
from moderation.domain.errors import UnavailableError


def test_the_longest_bar_of_each_block_fills_the_width_and_labels_are_escaped() -> None:
    page = bar_page("n", "<h>", [Block("a & b", [Bar("x<y", 4.0, OURS), Bar("z", 1.0, PEER)])])
    assert f'width="{WIDTH}" height="20" fill="{OURS}"' in page
    assert f'width="{WIDTH // 4}" height="20" fill="{PEER}"' in page
    assert "&lt;h&gt;" in page
    assert "a &amp; b" in page
    assert "x&lt;y" in page


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"):
        write_drawing("x", tmp_path / "none" / "x.html")
