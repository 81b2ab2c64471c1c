"""A store filled by real messages of a simulated line, and the pages over it, served for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from edge.drift import Reference
from edge.monitor import Arrival, Store
from edge.monitor.queries.reading import Alert
from edge.monitor.web import Access, open_pages, parse_place
from edge.monitor.web.limits import RequestLimit
from edge.protocol.messages import EventMessage, StatusMessage
from tests.support.monitor_pages import MINUTE_NS, Line, Site, arrival, head, health


@pytest.fixture(scope="session")
def line(drift_reference: bytes) -> Line:
    return Line(Reference.from_bytes(drift_reference))


@pytest.fixture(scope="session")
def filled(line: Line, drift_reference: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten devices over twelve minutes: ``oven-3`` darker in the last six, ``oven-5`` offline, ``oven-10`` on v2."""
    return make_store(tmp_path_factory.mktemp("pages") / "monitor.db", line, drift_reference, devices=10, minutes=12)


@pytest.fixture(scope="session")
def few(line: Line, drift_reference: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six devices over four minutes: all kinds of elements that ``filled`` has, in a quarter of their number."""
    return make_store(tmp_path_factory.mktemp("few") / "monitor.db", line, drift_reference, devices=6, minutes=4)


def make_store(path: Path, line: Line, reference: bytes, devices: int, minutes: int) -> Path:
    with closing(Store(path)) as store:
        store.add_reference(reference, "cookie", 1)
        fill(store, line, time.time_ns() // MINUTE_NS * MINUTE_NS - (minutes + 1) * MINUTE_NS, devices, minutes)
    return path


def fill(store: Store, line: Line, begun_ns: int, devices: int, minutes: int) -> None:
    for number in range(1, devices + 1):
        name, version = f"oven-{number}", 2 if number == devices else 1
        sent = [arrival(StatusMessage(**head(name, 0, version=version), state="online"))]
        for minute in range(minutes):
            darker = 3.0 if number == 3 and minute >= minutes // 2 else 0.0
            start_ns, which = begun_ns + minute * MINUTE_NS, (5 * number + minute) % 8
            sent += line.window(name, minute, start_ns, darker, which, version=version)
        store.accept([*sent, arrival(health(name, 20, version))])
    blurred = EventMessage(**head("oven-3", 0), camera="front", fault="blurred", active=True, since_ns=begun_ns)
    offline = StatusMessage(**head("oven-5", 2), state="offline")
    store.accept([arrival(blurred), arrival(offline), Arrival("edge/v1/oven-2/status", b"{broken", time.time_ns())])
    times = {"opened_ns": begun_ns, "changed_ns": begun_ns}
    named = {"key": "drift oven-3", "kind": "drift", "devices": ("oven-3",), "feature": "brightness"}
    store.put_alert(Alert(**named, **times, severity="critical", text="oven-3 drifts in brightness"))


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Site]]:
    """``serve(path, Access(…))``: the pages over a store, until the tests of the module are over."""
    with ExitStack() as stack:

        def begin(
            path: Path, access: Access | None = None, desk: Store | None = None, limit: RequestLimit | None = None
        ) -> Site:
            access = access or Access(names=("127.0.0.1", "localhost"))
            return Site(stack.enter_context(open_pages(path, parse_place("127.0.0.1:0"), access, desk, limit)))

        yield begin


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site], filled: Path) -> Site:
    """Open to this machine."""
    return serve(filled)
