"""The application: which address is answered by which page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from edge.core.openmetrics import CONTENT_TYPE
from edge.errors import StateError
from edge.monitor.export import fleet_metrics
from edge.monitor.queries.reader import SqlReader, open_reader
from edge.monitor.queries.reading import Reader
from edge.monitor.web import api
from edge.monitor.web.cache import ResultCache
from edge.monitor.web.guard import Guard
from edge.monitor.web.limits import RequestLimit
from edge.monitor.web.login import Login, read_form
from edge.monitor.web.pages import alerts, device, drift, fleet, messages, models
from edge.monitor.web.pages.alerts import AlertWriter
from edge.monitor.web.query import PageQuery
from edge.monitor.web.readers import ReaderPool
from edge.monitor.web.render import json_answer, page
from edge.monitor.web.server import serving
from edge.monitor.web.session import Sessions
from edge.monitor.web.settings import Access, ListenAddress

Context = Callable[[Reader, PageQuery], dict[str, Any] | None]
SHOWN: dict[str, tuple[str, Context]] = {
    "/device": ("device.html", device.context),
    "/drift": ("drift.html", drift.context),
    "/models": ("models.html", models.context),
    "/compare": ("compare.html", models.comparison),
    "/messages": ("messages.html", messages.context),
}


SLOW = frozenset(["/drift", "/compare"])
SLOW_LASTS_S = 30.0
"""Their statistics are of minutes, and adding them up takes a second."""


def create_app(
    opener: Callable[[], SqlReader],
    access: Access,
    desk: AlertWriter | None = None,
    limit: RequestLimit | None = None,
    *,
    alarming: bool = True,
    trouble: Callable[[], str] = str,
) -> ASGIApp:
    """``opener`` gives a reader for each of a few threads; without a ``desk`` nobody can act on alerts, and where
    nobody is ``alarming`` the page of alerts says so. ``trouble`` is what keeps new messages away now, or nothing.

    ``limit`` is of each caller's requests; by default one that no person reaches.
    """
    sessions, readers = Sessions(access), ReaderPool(opener)
    login, memo = Login(sessions), ResultCache(SLOW_LASTS_S)
    shown = SHOWN | {
        "/": ("fleet.html", fleet.FleetPage().context),
        "/alerts": ("alerts.html", partial(alerts.context, looking=alarming)),
    }
    routes: list[BaseRoute] = [
        *(
            Route(path, partial(_show, readers, memo, template, context))
            for path, (template, context) in shown.items()
        ),
        *(Route(f"/api/v1/{name}", partial(_answer, readers, answer)) for name, answer in api.ANSWERS.items()),
        Route("/alerts", partial(_act, readers, desk), methods=["POST"]),
        Route("/healthz", partial(_healthz, readers)),
        Route("/metrics", partial(_metrics, readers)),
        Mount("/static", StaticFiles(packages=[("edge.monitor.web", "static")])),
    ]
    if access.token:
        routes += [
            Route("/login", login.show, methods=["GET"]),
            Route("/login", login.take, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
        ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)],
        exception_handlers={HTTPException: _http_problem, StateError: _store_problem, Exception: _fault},
    )
    app.state.trouble = trouble
    # Around the whole: what the guard adds must be on answers to faults of ours too.
    return Guard(app, access, sessions, acting=desk is not None, limit=limit)


@contextmanager
def open_pages(
    address: Any,
    place: ListenAddress,
    access: Access,
    desk: AlertWriter | None = None,
    limit: RequestLimit | None = None,
    *,
    alarming: bool = True,
    trouble: Callable[[], str] = str,
) -> Iterator[str]:
    """Serves the store at ``address`` until the block ends; gives the URL.

    Raises StateError when the store cannot be read, LinkError when the place cannot be had, ConfigError.
    """
    open_reader(address).close()
    app = create_app(partial(open_reader, address), access, desk, limit, alarming=alarming, trouble=trouble)
    with serving(app, place) as url:
        yield url


def _show(readers: ReaderPool, memo: ResultCache, template: str, context: Context, request: Request) -> Response:
    def look() -> dict[str, Any] | None:
        with readers.lend() as reader:
            return context(reader, PageQuery(request.query_params))

    address = request.url.path
    found = memo.get(f"{address}?{request.url.query}", look) if address in SLOW else look()
    if found is None:
        name = PageQuery(request.query_params).text("name")
        return _problem(request, 404, "Not here", f"The monitor has never heard of a device “{name}”.")
    return page(request, template, **found)


def _answer(readers: ReaderPool, answer: api.Endpoint, request: Request) -> Response:
    with readers.lend() as reader:
        found = answer(reader, PageQuery(request.query_params))
    return PlainTextResponse("no such device", 404) if found is None else json_answer(request, found)


async def _act(readers: ReaderPool, desk: AlertWriter | None, request: Request) -> Response:
    if desk is None or not request.scope["state"]["may_act"]:
        return PlainTextResponse("log in to do that", 403)
    done = await run_in_threadpool(_put, readers, desk, await read_form(request), request.scope["state"]["user"])
    return RedirectResponse("/alerts", 303) if done else PlainTextResponse("no such alert, or no such act", 400)


def _put(readers: ReaderPool, desk: AlertWriter, form: dict[str, str], user: str) -> bool:
    with readers.lend() as reader:
        return alerts.act(reader, desk, form, user) is not None


def _healthz(readers: ReaderPool, request: Request) -> Response:
    """For who watches the monitor: 200 and ``ok`` when the store can be read."""
    with readers.lend() as reader:
        reader.fleet(limit=1)
    return PlainTextResponse("ok\n")


def _metrics(readers: ReaderPool, request: Request) -> Response:
    """For Prometheus; ``?devices=no`` leaves out the figures of each device."""
    with readers.lend() as reader:
        text = fleet_metrics(reader, devices=PageQuery(request.query_params).yes_or_no("devices") is not False)
    return PlainTextResponse(text, media_type=CONTENT_TYPE)


def _http_problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    if request.url.path.startswith("/api/"):
        return PlainTextResponse("not found" if status == 404 else str(error), status, headers)
    return _problem(request, status, "Not here" if status == 404 else "That did not work", "There is no such page.")


def _store_problem(request: Request, error: Exception) -> Response:
    if request.url.path.startswith(("/api/", "/healthz", "/metrics")):
        return PlainTextResponse(f"{error}\n", 503)
    return _problem(request, 503, "The store cannot be read", str(error))


def _fault(request: Request, _error: Exception) -> Response:
    """Starlette raises it again behind the answer, so that the log has it."""
    return _problem(request, 500, "That did not work", "A fault of the monitor; its log says more.")


def _problem(request: Request, status: int, title: str, text: str) -> Response:
    return page(request, "problem.html", status=status, title=title, text=text)
