"""Pictures of every page at three sizes in two schemes, for whoever works on the pages to look at.

Run: python -m tests.review_ui.console.screenshots OUTFOLDER [PART-OF-A-NAME …]
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal, get_args

from playwright.sync_api import sync_playwright

from tests.browser import ARGUMENTS
from tests.functional.everyone import everyone

Scheme = Literal["light", "dark"]
SIZES = ((1280, 800), (1920, 1080), (1024, 768))
SETTLE_MS = 300


def main(folder: Path, wanted: list[str]) -> int:
    """Write NAME-WIDTH-SCHEME.png for every page, or those with one of `wanted` in their name; 1 without Chromium."""
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write("Chromium is not installed.\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, everyone(Path(home)) as team, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        pages = [one for one in team.pages() if not wanted or any(part in one[2] for part in wanted)]
        for width, height in SIZES:
            for scheme in get_args(Scheme):
                for who, path, name in pages:
                    size = {"width": width, "height": height}
                    with team.page(browser, who, viewport=size, color_scheme=scheme) as page:
                        page.goto(path)
                        page.wait_for_timeout(SETTLE_MS)
                        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
        browser.close()
    sys.stdout.write(f"{len(pages) * 6} pictures in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
