"""``edge monitor --web``: its options, and the pages beside whatever else the command does."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.package import install_hint
from edge.errors import ConfigError, MissingError

if TYPE_CHECKING:
    from edge.monitor.web import AlertWriter


def add_web_options(parser: argparse.ArgumentParser) -> None:
    """Where the pages are, and who may see them."""
    web = parser.add_argument_group("pages for a browser")
    web.add_argument("--web", metavar="HOST:PORT", help="serve them there, such as 127.0.0.1:8080; needs --store")
    web.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that people log in with")
    web.add_argument(
        "--trust-header", default="", metavar="NAME", help="header in which a reverse proxy names the user"
    )
    web.add_argument(
        "--trust-from",
        action="append",
        default=[],
        metavar="NET",
        help="where it is believed from; default: loopback",
    )
    web.add_argument("--web-name", action="append", default=[], metavar="NAME", help="host name browsers may use")
    web.add_argument("--web-cert", type=Path, metavar="FILE", help="certificate for HTTPS (PEM)")
    web.add_argument("--web-key", type=Path, metavar="FILE", help="its private key (PEM)")


@contextmanager
def pages(
    args: argparse.Namespace, desk: AlertWriter | None = None, trouble: Callable[[], str] = str
) -> Iterator[None]:
    """Serves them until the block ends, if they are wanted; without a ``desk`` nobody can act on alerts.

    ``trouble`` is what keeps new messages away now, or nothing.

    Raises ConfigError, LinkError, MissingError, StateError.
    """
    if args.web is None:
        _no_other_option(args)
        yield
        return
    _require()
    from edge.monitor.web import open_pages, parse_access, parse_place

    place = parse_place(args.web, args.web_cert, args.web_key)
    access = parse_access(
        place, token_file=args.token_file, header=args.trust_header, proxies=args.trust_from, names=args.web_name
    )
    if args.store is None:
        raise ConfigError("--web: expected --store too; the pages show what is kept there")
    with open_pages(args.store, place, access, desk, alarming=args.alerts is not None, trouble=trouble) as url:
        sys.stderr.write(f"edge: pages at {url}\n")
        yield


def only_pages(args: argparse.Namespace) -> int:
    """Without a broker: what is in the store, until Ctrl-C or for ``--duration``."""
    if args.web is None:
        raise ConfigError("--broker: expected mqtt://HOST to listen to, or --web HOST:PORT to show a store")
    with pages(args):
        threading.Event().wait(args.duration)
    return 0


def _no_other_option(args: argparse.Namespace) -> None:
    for name in ("token_file", "trust_header", "trust_from", "web_name", "web_cert", "web_key"):
        if getattr(args, name):
            raise ConfigError(f"--{name.replace('_', '-')}: expected with --web only")


def _require() -> None:
    for name in ("starlette", "uvicorn", "jinja2"):
        if find_spec(name) is None:
            raise MissingError(f"{name} is not installed; --web needs it: {install_hint('monitor')}")
