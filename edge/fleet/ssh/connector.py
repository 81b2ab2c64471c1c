"""One device over SSH: look, send what it lacks, let it try, and hear how that ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

from edge.errors import ConfigError, FlashError, MissingError
from edge.fleet.bundle import Bundle
from edge.fleet.connector import DeployResult, DeployStep, Inspection, Tell
from edge.fleet.options import Options
from edge.fleet.preflight import obstacle, runs_it
from edge.fleet.ssh.address import SshAddress
from edge.fleet.ssh.client import Client
from edge.fleet.ssh.deploy import SshDeployment
from edge.fleet.ssh.inventory import ask
from edge.fleet.ssh.remote_cli import RemoteCli
from edge.protocol.inventory import Inventory

LOOK_S = 120.0
"""A busy Raspberry Pi needs some seconds to start a Python; a connection that is dead is noticed much earlier."""


def open_target(text: str, options: Options) -> SshTarget:
    """Raises ConfigError; MissingError without ssh."""
    address = SshAddress.parse(text)
    if shutil.which("ssh") is None:
        raise MissingError("ssh is not installed; apt-get install --no-install-recommends openssh-client")
    for option in options.ssh.extra:
        if "=" not in option:
            raise ConfigError(f"--ssh-option {option}: expected Key=value, as in ssh_config")
    return SshTarget(text, address, options)


class SshTarget:
    """A :class:`edge.fleet.connector.Connector` of one device."""

    def __init__(self, text: str, address: SshAddress, options: Options) -> None:
        self.target, self.key = text, address.key
        self._client = Client(address, options.ssh)
        self._remote = RemoteCli(options.ssh.edge, options.config)
        self._timeout_s = options.timeout_s

    def look(self, bundle: Bundle | None, tell: Tell) -> Sequence[Inspection]:
        tell(DeployStep(self.target, "looking"))
        try:
            until = time.monotonic() + min(LOOK_S, self._timeout_s)
            offer = ask(self._client, self._remote, bundle, until)
        except FlashError as error:
            return [Inspection(self.target, problem=str(error))]
        return [self._seen(bundle, offer)]

    def deliver(self, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> Sequence[DeployResult]:
        return [SshDeployment(self._client, self._remote, bundle, seen[0], self._timeout_s, tell).run()]

    def stop(self) -> None:
        self._client.stop()

    def _seen(self, bundle: Bundle | None, offer: Inventory) -> Inspection:
        unchanged = bundle is not None and runs_it(bundle, offer)
        problem = obstacle(bundle, offer) if bundle else offer.problem
        return Inspection(
            target=self.target,
            device=offer.device,
            edge=offer.edge,
            machine=offer.machine,
            free_bytes=offer.free_bytes,
            runs=offer.runs,
            trial=offer.trial,
            problem="" if unchanged else problem,
            unchanged=unchanged,
        )
