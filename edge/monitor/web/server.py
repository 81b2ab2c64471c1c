"""The pages beside the subscriber, in a thread of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from edge.errors import ConfigError, LinkError
from edge.monitor.web.settings import Place, Tls

START_S, STOP_S = 10.0, 3.0


@contextmanager
def serving(app: ASGIApp, place: Place) -> Iterator[str]:
    """Serves ``app`` until the block ends; gives the URL. Raises LinkError when the address cannot be had."""
    listener = _listen(place)
    server = uvicorn.Server(_settings(app, place.tls))
    thread = threading.Thread(target=server.run, args=([listener],), name="web", daemon=True)
    thread.start()
    try:
        yield place.url(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(STOP_S)
        listener.close()


def _listen(place: Place) -> socket.socket:
    """Bound here and not by uvicorn, which would end the process when it cannot."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        raise LinkError(
            f"--web {place.host}:{place.port}: cannot listen there: {error.strerror or error}; choose another port"
        ) from None


def _settings(app: ASGIApp, tls: Tls | None) -> uvicorn.Config:
    try:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=20,
            limit_concurrency=200,
            h11_max_incomplete_event_size=16_384,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        config.load()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--web-cert, --web-key: cannot be used: {error}") from None
    return config
