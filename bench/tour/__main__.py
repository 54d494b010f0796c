"""`make tour`: live through the days, look at every page and take its picture. Fails if a page does not show what it must.

`python -m bench.tour --hub DIR` looks at a hub that lived through them before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.tour.browser import PageError, browsing
from bench.tour.days import PEOPLE, ROOT, SEED, live_through
from bench.tour.pages import PAGES
from bench.tour.serving import serving
from connectors.sandbox import running
from pipelines.config import load_config
from pipelines.context import Hub

PICTURES = ROOT / "docs" / "tour"
LARGEST = 150_000


def main() -> None:
    """Make the tour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hub", type=Path, help="folder of a hub that lived through the days; one is made without")
    asked = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    try:
        if asked.hub:
            take(asked.hub.absolute(), PICTURES)
        else:
            with tempfile.TemporaryDirectory(prefix="hub-", ignore_cleanup_errors=True) as folder:
                root = Path(folder)
                with running(seed=SEED, people=PEOPLE, state_dir=root / "sandbox") as sandbox:
                    live_through(root, sandbox)
                take(root, PICTURES)
    except PageError as error:
        sys.exit(f"error: {error}")


def take(root: Path, folder: Path) -> None:
    """Look at every page of a hub's UI and take its picture.

    Raises:
        PageError: a page does not show what it must, or a picture is too large to be kept.
    """
    hub = Hub(load_config(root / "hub.yaml"))
    try:
        with serving(root) as base_url, browsing() as browser:
            for page in PAGES:
                page.visit(browser, base_url, hub)
                picture = folder / f"{page.name}.png"
                browser.picture(picture)
                size = picture.stat().st_size
                print(f"{page.name}: shows {len(page.expected(hub))} figures and texts; {size:,} bytes")
                if size > LARGEST:
                    raise PageError(f"{picture.name} has {size:,} bytes, more than {LARGEST:,}: show less on it")
    finally:
        hub.close()


if __name__ == "__main__":
    main()
