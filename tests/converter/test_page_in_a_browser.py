"""The report in a real, headless Chromium, driven through its debugging pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converter.data.duplicates import Duplicates
from converter.measurement.parity import compare, judge
from converter.quantization.layers import LayerReport
from converter.report.page import render
from converter.report.provenance import Provenance
from converter.report.report import (
    ConversionReport,
    LabelReport,
    RecipeReport,
    RuleReport,
    RuntimeReport,
    Sizes,
    TrialReport,
)
from converter.report.wrap_report import WrapReport, WrapSizes
from edge.inference.artifact.manifest import Accuracy, Evaluation, InputSpec, OutputSpec

pytestmark = pytest.mark.system

VICIOUS = "<script>fetch('http://example.invalid/')</script>" + "W" * 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
TIMEOUT_S = 60.0


class Browser:
    """One page of Chromium. Messages are JSON with a NUL behind them, in on descriptor 3, out on 4."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._in = os.pipe()
        self._out, from_browser = os.pipe()
        # The shell gives the pipe's ends the numbers that Chromium expects.
        shell = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        command = ["bash", "-c", shell, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._buffer = 0, b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = ""
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "_session", ""):
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait(self, event: str) -> None:
        while not any(one.get("method") == event for one in self.events):
            self.events.append(self._read())

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._buffer:
            assert select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))[0], "Chromium is silent"
            part = os.read(self._out, 1 << 16)
            assert part, "Chromium went away"
            self._buffer += part
        text, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if program is None:
        reason = "no Chromium; deploy/setup/packages.sh test installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Browser(program, tmp_path / "profile")
    yield browser
    browser.close()


@pytest.fixture(params=["converted", "wrapped"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A report in which every name is long and full of markup."""
    path = tmp_path / "report.html"
    path.write_bytes(render(_report(tmp_path) if request.param == "converted" else _wrap_report(tmp_path)))
    return path


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_and_asks_the_network_for_nothing(browser: Browser, page: Path, width: int):
    browser.call("Network.enable")
    browser.call("Log.enable")
    browser.call("Page.enable")
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
    )
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired")
    assert browser.evaluate("innerWidth") == width
    # clientWidth leaves out a vertical scroll bar.
    root = "document.documentElement"
    assert browser.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("document.querySelectorAll('section').length") >= 9
    assert browser.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    assert browser.evaluate("document.images.length") >= 4
    # The style took effect: the font size of the headline is set there.
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "32px"
    asked = [
        one["params"]["request"]["url"] for one in browser.events if one["method"] == "Network.requestWillBeSent"
    ]
    assert page.as_uri() in asked
    assert all(url == page.as_uri() or url.startswith("data:image/jpeg") for url in asked)
    assert not [one for one in browser.events if one["method"] == "Log.entryAdded"]


LABELS = tuple(f"{number} {VICIOUS}" for number in range(12))
TRUTH = np.arange(40) % len(LABELS)


def _report(folder: Path) -> ConversionReport:
    rng = np.random.default_rng(0)
    scores = rng.random((40, len(LABELS))).astype(np.float32)
    models = {
        "Keras": scores,
        "TFLite float32": scores,
        "TFLite int8": scores + rng.random(scores.shape).astype(np.float32),
    }
    return ConversionReport(
        **_common(),
        calibration_pictures=200,
        evaluation=Evaluation(40, 0.9, 0.89, 0.98),
        bytes=Sizes(4000, 1000, 2000),
        parity=compare(LABELS, (_picture(folder),) * 40, TRUTH, models),
        layers=(LayerReport(VICIOUS, "CONV_2D", (1, 96, 96, 16), 31.0, 0.4),),
        float_latency_ms=2.0,
        recipes=(RecipeReport(VICIOUS, 1000, 0.9, 0.9, 1.0, chosen=True),),
    )


def _wrap_report(folder: Path) -> WrapReport:
    scores = np.random.default_rng(0).random((40, len(LABELS))).astype(np.float32)
    judgement = judge("as it came", LABELS, (_picture(folder),) * 40, TRUTH, scores)
    return WrapReport(
        **_common(), accuracy=Accuracy(40, 0.9), judgement=judgement, bytes=WrapSizes(4_000_000, 5_000_000)
    )


def _picture(folder: Path) -> Path:
    path = folder / "<img src=x onerror=alert(1)>.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8))
    return path


def _common() -> dict[str, Any]:
    return {
        "out": f"/{VICIOUS}",
        "model": "W" * 80,
        "version": 1,
        "labels": LABELS,
        "range": "0..1",
        "colour": "RGB",
        "trials": (TrialReport("0..1", "RGB", 0.9), TrialReport("torch", "RGB", 0.1)),
        "rules": (RuleReport("stretch", "area", 0.9), RuleReport("crop", "area", 0.8)),
        "input": InputSpec(96, 96, 3, "uint8"),
        "output": OutputSpec(len(LABELS), "uint8"),
        "runtimes": (RuntimeReport(VICIOUS, 40, 0.9, 1.0, 1.5),),
        "min_runtime": "2.3.0",
        "golden_tolerance": 4,
        "damaged": (f"{VICIOUS}.png",),
        "warnings": (VICIOUS,),
        "seed": 0,
        "created": "2026-01-01T00:00:00Z",
        "data": tuple(LabelReport(label, 10, 20) for label in LABELS),
        "duplicates": Duplicates((), (), ()),
        "provenance": Provenance(VICIOUS, 0, "a" * 64, "b" * 64, {"tensorflow": "2.21.0"}, "Linux x86_64"),
        "files": ("report.html",),
    }
