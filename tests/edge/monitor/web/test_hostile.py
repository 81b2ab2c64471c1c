"""Whatever a device calls itself or says is text on the pages, and nothing else."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

import pytest

from edge.monitor import Arrival, Store
from edge.protocol.messages import Drift, DriftColumn, EventMessage, StatusMessage, Window
from tests.support.monitor_pages import Site, arrival, head

NAMES = [
    "<svg><b>",
    '"onfocus="alert(1)',
    "';DROP-TABLE-device;--",
    "..",
    "%2e%2e%2f",
    "{{7*7}}",
    "javascript:alert(1)",
    "a\u0301\u0323" * 20,
    "&lt;b&gt;",
]
"""One level of a topic: without slashes, spaces and what cannot be printed."""
TEXTS = [
    *NAMES,
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe",
    "\0\x1b[31m",
    "a\nb",
    "x" * 5000,
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Site]) -> Site:
    """Every name as device, site, line, model, feature, and in an event."""
    path = tmp_path_factory.mktemp("hostile") / "monitor.db"
    with closing(Store(path)) as store:
        for name in NAMES:
            assert len(store.accept(_says(name, name))) == 3
        for number, text in enumerate(TEXTS):
            store.accept(_says(f"calm-{number}", text[:64]))
            store.accept([Arrival(f"edge/v1/calm-{number}/status", text.encode())])
    return serve(path)


def _says(device: str, text: str) -> list[Arrival]:
    top = head(device, 0, site=text, line=text) | {"model": "m"}
    column = DriftColumn(text, "ks", 0.9, 0.0, 0.01, True)
    return [
        arrival(StatusMessage(**top, state="online")),
        arrival(Drift(**top, window=Window(0, 1, 2, 10**18, 2 * 10**18), drifted=True, share=1.0, columns=(column,))),
        arrival(EventMessage(**top, camera=text, fault=text, active=True, since_ns=10**18, detail=text)),
    ]


@pytest.mark.parametrize("path", ["/?rows=100", "/drift", "/models", "/alerts", "/messages"])
def test_a_page_shows_it_as_text(hostile: Site, path: str) -> None:
    _is_harmless(hostile.get(path))


@pytest.mark.parametrize("name", NAMES)
def test_its_own_page_is_found_and_harmless(hostile: Site, name: str) -> None:
    text = hostile.get(f"/device?name={quote(name, safe='')}")
    _is_harmless(text)
    assert html.escape(name).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text
    assert hostile.json(f"/api/v1/device?name={quote(name, safe='')}")["row"]["device"] == name


@pytest.mark.parametrize("text", TEXTS)
def test_an_address_can_ask_for_anything(hostile: Site, text: str) -> None:
    for key in ("text", "site", "line", "model", "feature", "sort", "from", "span", "device"):
        status, _, body = hostile.ask(f"/?{key}={quote(text, safe='')}")
        assert status == 200
        _is_harmless(body)
    json.loads(hostile.get(f"/api/v1/fleet?text={quote(text, safe='')}"))


def _is_harmless(text: str) -> None:
    assert "<script>alert" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text
    assert ">49<" not in text
