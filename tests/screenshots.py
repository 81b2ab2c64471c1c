"""Takes the pictures of edge/monitor/web/README.md: ``python -m tests.screenshots``.

A simulated fleet of one hour is stored, its pages are served, and Chromium looks at them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import cv2
from playwright.sync_api import Browser, sync_playwright

from edge.monitor import Arrival, Store
from edge.monitor.web import Access, open_pages, parse_place
from edge.sim.fleet import Change, FleetOptions, SimulatedFleet

PLACE = Path(__file__).resolve().parents[1] / "edge" / "monitor" / "web" / "pictures"
MINUTES, DEVICES = 60, 40
SHOTS = (
    ("fleet.png", "", 1280, 800, "light", ""),
    ("device-dark.png", "device?name=d00007", 1280, 900, "dark", "#drift"),
    ("drift-phone.png", "drift?site=site-2&line=line-3", 390, 844, "light", ""),
)
"""Name, address, width and height in pixels, light or dark, and where the picture begins."""
MAX_BYTES = 150_000


def main() -> int:
    """Status 1 when a picture is larger than MAX_BYTES."""
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "monitor.db"
        fill(store)
        with open_pages(store, parse_place("127.0.0.1:0"), Access()) as url, sync_playwright() as playwright:
            names = ("chromium", "chromium-browser", "google-chrome-stable")
            program = next((found for name in names if (found := shutil.which(name))), None)
            sandbox = [] if os.getuid() else ["--no-sandbox"]
            browser = playwright.chromium.launch(executable_path=program, args=[*sandbox, "--disable-dev-shm-usage"])
            sizes = [_shoot(browser, url, *shot) for shot in SHOTS]
            browser.close()
    return int(max(sizes) > MAX_BYTES)


def fill(path: Path) -> None:
    """An hour of the fleet, up to now: a line darkens slowly, one lens is dirty, one device is away."""
    half_s = MINUTES * 30.0
    script = [
        Change(at_s=half_s, devices="d00007", shift={"sharpness": -3.0}),
        Change(at_s=half_s, ramp_s=600.0, site="site-2", line="line-3", shift={"brightness": -1.5}),
        Change(at_s=half_s, devices="d00012", offline=True),
        Change(at_s=half_s, devices="d00004", dropping=0.1, rolled_back=True),
    ]
    start_ns = time.time_ns() - MINUTES * 60 * 10**9
    fleet = SimulatedFleet(FleetOptions(devices=DEVICES), script, start_wall_ns=start_ns)
    with closing(Store(path)) as store:
        store.add_reference(fleet.population.reference.to_bytes(), "cookie", 1)
        store.accept(
            Arrival(one.message.topic, one.message.payload, start_ns + round(one.at_s * 1e9))
            for one in fleet.messages(MINUTES * 60.0)
        )


def _shoot(browser: Browser, url: str, name: str, path: str, width: int, height: int, scheme: str, part: str) -> int:
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    with closing(browser.new_context(**options)) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(url + path + part, timeout=120_000)
        page.locator("#live", has_text="live").wait_for(timeout=120_000)
        page.screenshot(path=PLACE / name)
    image = cv2.imread(str(PLACE / name))
    cv2.imwrite(str(PLACE / name), image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    size = (PLACE / name).stat().st_size
    sys.stdout.write(f"{PLACE / name}: {size // 1000} kB\n")
    return size


if __name__ == "__main__":
    sys.exit(main())
