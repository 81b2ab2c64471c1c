"""The pages beside the subscriber, in a thread of their own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from edge.core.guard import GuardedThread
from edge.errors import ConfigError, LinkError
from edge.monitor.web.settings import ListenAddress, Tls

START_S, STOP_S = 10.0, 3.0


@contextmanager
def serving(app: ASGIApp, place: ListenAddress) -> Iterator[str]:
    """Serves ``app`` until the block ends; gives the URL. Raises LinkError when the address cannot be had."""
    listener = _listen(place)
    web = _Web(listener, _settings(app, place.tls))
    web.thread.start()
    try:
        yield place.url(listener.getsockname()[1])
    finally:
        web.stop()
        listener.close()


class _Web:
    """A server that begins anew at the same address when it dies."""

    def __init__(self, listener: socket.socket, settings: uvicorn.Config) -> None:
        self._listener, self._settings = listener, settings
        self._server = uvicorn.Server(settings)
        self._stopping = False
        self.thread = GuardedThread(self._serve, "web")

    def stop(self) -> None:
        """Returns within STOP_S."""
        self._stopping = self._server.should_exit = True
        if self.thread.ident is not None:
            self.thread.join(STOP_S)

    def _serve(self) -> None:
        """Raises RuntimeError when the server ends by itself."""
        self._server = uvicorn.Server(self._settings)
        if self._stopping:
            return
        self._server.run([self._listener.dup()])  # it closes what it was given
        if not self._stopping:
            raise RuntimeError("the web server ended by itself")


def _listen(place: ListenAddress) -> socket.socket:
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
