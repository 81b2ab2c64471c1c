"""``edge monitor --alerts``: tells people, beside whatever else the command does."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ConfigError, StateError

if TYPE_CHECKING:
    from edge.monitor.store.store import Store
    from edge.protocol.broker import Broker

log = logging.getLogger(__name__)


def add_alert_options(parser: argparse.ArgumentParser) -> None:
    """The rules, and a way to try whom they tell."""
    alerts = parser.add_argument_group("alerts")
    alerts.add_argument("--alerts", type=Path, metavar="FILE", help="rules of alerts (TOML); needs --store")


@contextmanager
def alerting(args: argparse.Namespace, store: Store, broker: Broker) -> Iterator[Callable[[], None] | None]:
    """Step of the alerts that is to be called again and again, if alerts are wanted. Raises ConfigError."""
    if args.alerts is None:
        yield None
        return
    if args.store is None:
        raise ConfigError("--alerts: expected --store too; alerts are kept there")
    from edge.monitor.alerting import Alerting, Dispatcher, load_rules, open_sinks

    rules = load_rules(args.alerts)
    with closing(Dispatcher(open_sinks(rules, broker, args.root))) as dispatcher:
        watch = Alerting(store, rules)

        def look() -> None:
            try:
                dispatcher.tell(watch.look_if_due())
            except StateError as error:
                log.warning("alerts: %s; looking again later", error)

        yield look
