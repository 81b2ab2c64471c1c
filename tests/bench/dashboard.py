"""The monitor's pages over 10,000 devices: the time of a request, and until a person can use the first page."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import sync_playwright

from edge.monitor import Arrival, Store
from edge.sim.fleet import Change, FleetOptions, SimulatedFleet
from tests.bench.setting import Setting
from tests.bench.timing import Row

DEVICES = 10_000
REQUESTS = 300
OPENINGS = 7
BATCH = 2000
OVERVIEWS = (
    "/",
    "/?drifted=yes",
    "/?state=offline",
    "/?site=site-2&line=line-3",
    "/?text=d0042",
    "/?sort=p99",
    "/?sort=seen&order=up",
    "/?sort=device&order=up&from=5000",
    "/?feature=brightness&rows=200",
    "/api/v1/fleet?rows=200",
)
USABLE = """() => {
    const row = document.querySelector('table.list tbody tr a');
    const done = performance.getEntriesByType('navigation')[0].loadEventEnd;
    return row && document.getElementById('live').textContent && done ? performance.now() : 0;
}"""
"""The first device can be opened, and the script that keeps the page up to date runs."""


def rows(setting: Setting) -> Iterator[Row]:
    store = setting.folder / "dashboard.db"
    messages = _fill(store)
    yield Row(f"messages of {DEVICES} devices in the store", messages / 1000, None, "k", "–", True)
    with _pages(store) as (port, pid):
        begun_s = _processor_s(pid)
        times = _requests(port)
        each_s = (_processor_s(pid) - begun_s) / (len(times) + len(OVERVIEWS))
        p95 = float(np.quantile(times, 0.95)) * 1000
        yield Row("overview, ten kinds of request: p50", median(times) * 1000, None, "ms", "–", True)
        yield Row("overview, processor time of a request: mean", each_s * 1000, None, "ms", "–", True)
        yield Row("overview, ten kinds of request: p95", p95, None, "ms", "≤ 200 ms", p95 <= 200)
        usable_s = _usable(port)
        yield Row("overview in Chromium, until it can be used", usable_s, None, "s", "≤ 2 s", usable_s <= 2)
        device = [_timed(port, f"/device?name=d{number:05d}") for number in range(0, 10_000, 500)]
        yield Row("page of a device: p95", float(np.quantile(device, 0.95)) * 1000, None, "ms", "–", True)
        drift = _timed(port, "/drift?site=site-2&line=line-3")
        yield Row("drift of a line, computed for the first time", drift * 1000, None, "ms", "–", True)


def _fill(path: Path) -> int:
    """One window of each device, and what else it sends meanwhile."""
    script = [
        Change(at_s=0.0, devices="d00?42", shift={"brightness": -2.0}),
        Change(at_s=0.0, site="site-2", line="line-3", shift={"sharpness": -1.0}),
        Change(at_s=60.0, devices="d0001?", offline=True),
    ]
    fleet = SimulatedFleet(
        FleetOptions(devices=DEVICES, sites=5, lines=8), script, start_wall_ns=time.time_ns() - 120 * 10**9
    )
    with closing(Store(path)) as store:
        store.add_reference(fleet.population.reference.to_bytes(), "cookie", 1)
        sent = (Arrival(one.message.topic, one.message.payload) for one in fleet.messages(120.0))
        return sum(_accept(store, batch) for batch in iter(lambda: list(islice(sent, BATCH)), []))


def _accept(store: Store, batch: Iterable[Arrival]) -> int:
    return len(store.accept(batch))


@contextmanager
def _pages(store: Path) -> Iterator[tuple[int, int]]:
    """Port and process: one of their own, as people run them."""
    words = ["monitor", "--store", str(store), "--web", "127.0.0.1:0"]
    with subprocess.Popen(
        [sys.executable, "-m", "edge.cli.main", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            yield int(process.stderr.readline().strip().rstrip("/").rsplit(":", 1)[1]), process.pid
        finally:
            process.terminate()


def _processor_s(pid: int) -> float:
    """So far, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _requests(port: int) -> list[float]:
    """Seconds of each, once all have been asked for."""
    for path in OVERVIEWS:
        _timed(port, path)
    return [_timed(port, OVERVIEWS[number % len(OVERVIEWS)]) for number in range(REQUESTS)]


def _timed(port: int, path: str) -> float:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        begun = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - begun
    assert answer.status == 200, body[:200]
    return took


def _usable(port: int) -> float:
    """Median seconds from the click to a page that can be used, each time with an empty cache."""
    names = ("chromium", "chromium-browser", "google-chrome-stable")
    program = next(found for name in names if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=program, args=[*sandbox, "--disable-dev-shm-usage"])
        times = []
        for _ in range(OPENINGS):
            with closing(browser.new_context()) as context:
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{port}/", timeout=60_000)
                times.append(page.wait_for_function(USABLE, timeout=60_000).json_value() / 1000)
        browser.close()
    return median(times)
