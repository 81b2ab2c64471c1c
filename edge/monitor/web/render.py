"""Templates to answers: escaped by default, with an ETag, and without what cannot be written as UTF-8."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.monitor.web import texts

PAGES = (("/", "Fleet"), ("/drift", "Drift"), ("/models", "Models"), ("/alerts", "Alerts"), ("/messages", "Messages"))


@lru_cache(maxsize=1)
def environment() -> Environment:
    """One for the process; undefined names are errors."""
    made = Environment(
        loader=PackageLoader("edge.monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in ("when", "lasting", "number", "with_unit", "milliseconds", "share", "size", "chance"):
        made.filters[name] = getattr(texts, name)
    made.globals.update(static=static, link=texts.link, pages=PAGES)
    return made


@lru_cache(maxsize=16)
def static(name: str) -> str:
    """The URL of a shipped file, which changes with its content: browsers may keep it for ever."""
    content = files("edge.monitor.web").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def page(request: Request, template: str, *, status: int = 200, shown: bool = True, **context: Any) -> Response:
    """``shown``: whether there is a way on to the pages (not at the login)."""
    state = request.scope.get("state", {})
    text = (
        environment()
        .get_template(template)
        .render(
            here=request.url.path,
            user=state.get("user", ""),
            may_act=state.get("may_act", False),
            shown=shown,
            trouble=request.app.state.trouble(),
            **context,
        )
    )
    return _tagged(request, Response(text.encode("utf-8", "replace"), status, media_type="text/html"))


def json_answer(request: Request, content: Any) -> Response:
    """For programs, with an ETag too."""
    return _tagged(request, JSONResponse(content))


def _tagged(request: Request, answer: Response) -> Response:
    if answer.status_code != 200:
        return answer
    tag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    answer.headers["etag"] = tag
    return answer
