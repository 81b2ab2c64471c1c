"""The Grafana dashboards ask a real Prometheus, which scrapes real pages, what it can answer."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.monitor.web.conftest import filled, line, serve, site
from tests.support.monitor_pages import Site

__all__ = ["filled", "line", "serve", "site"]
pytestmark = pytest.mark.system

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
VARIABLES = {"$site": ".*", "$line": ".*", "$device": ".*"}
SOMETIMES_NOTHING = ("rate(", "increase(")
"""Need more than one scrape."""


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text("utf-8"))["panels"]
    return found


def questions() -> list[tuple[str, str]]:
    found = []
    for board in BOARDS:
        for panel in panels(board):
            for target in panel["targets"]:
                text = target["expr"]
                for name, value in VARIABLES.items():
                    text = text.replace(name, value)
                found.append((f"{board.stem}: {panel['title']}", text))
    return found


@pytest.fixture(scope="module")
def prometheus(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus with the shipped configuration, scraping the pages each second; its address."""
    program = shutil.which("prometheus")
    assert program, "prometheus is not installed; deploy/setup/packages.sh test installs it"
    folder = tmp_path_factory.mktemp("prometheus")
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{site.port}").replace("30s", "1s")
    (folder / "prometheus.yml").write_text(text, "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while not asked(url, 'up{job="edge-fleet"} == 1'):
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def asked(url: str, question: str) -> list[Any]:
    """The result of an instant query; nothing while the server is not there yet."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': question})}") as answer:
            found: list[Any] = json.loads(answer.read())["data"]["result"]
            return found
    except ConnectionRefusedError:
        return []
    except urllib.error.HTTPError as error:
        if error.code == 503:  # it listens before it is ready
            return []
        pytest.fail(f"{question}: {error.read().decode()}")
    except urllib.error.URLError:
        return []


def test_every_panel_gets_an_answer(prometheus: str):
    assert len(questions()) > 15
    for place, question in questions():
        found = asked(prometheus, question)
        if not any(word in question for word in SOMETIMES_NOTHING):
            assert found, f"{place}: nothing for {question}"


def test_every_metric_of_the_panels_is_one_of_the_page(site: Site):
    page = set(re.findall(r"^# TYPE (\S+)", site.get("/metrics"), re.MULTILINE))
    named = {name for _, question in questions() for name in re.findall(r"\bedge_[a-z0-9_]+", question)}
    assert named and named <= page


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_what_grafana_takes(board: Path):
    whole = json.loads(board.read_text("utf-8"))
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= whole.keys()
    ids = [panel["id"] for panel in whole["panels"]]
    assert len(set(ids)) == len(ids)
    variables = {variable["name"] for variable in whole["templating"]["list"]}
    for panel in whole["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0
        assert panel["type"] in ("stat", "timeseries", "bargauge", "table") and panel["title"]
        names = {name for target in panel["targets"] for name in re.findall(r"\$\{?(\w+)", json.dumps(target))}
        assert names <= variables
    boxes = [tuple(panel["gridPos"][key] for key in "xywh") for panel in whole["panels"]]
    assert not any(_overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def _overlap(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
