"""One artifact to one device over SSH, from the first byte to the end of its trial."""

from __future__ import annotations

import secrets
import time

from edge.core.backoff import Backoff
from edge.errors import FlashError
from edge.fleet.bundle import Bundle
from edge.fleet.connector import DeployResult, DeployStage, DeployStep, Inspection, Tell
from edge.fleet.ssh.client import Client, CommandResult, DroppedError, SilentError, StoppedError
from edge.fleet.ssh.inventory import ask
from edge.fleet.ssh.outcomes import Ended, answered, ended
from edge.fleet.ssh.remote_cli import RemoteCli
from edge.fleet.ssh.transfer import MAX_PAUSE_S, MIN_PAUSE_S, Transfer
from edge.protocol.inventory import Inventory

POLL_S = 5.0
"""Each look at a trial that was lost from view costs the device the start of a Python."""
_BY_ITSELF = "the device decides by itself, 'edge flash --check' tells"


class SshDeployment:
    """Used once."""

    def __init__(
        self, client: Client, remote: RemoteCli, bundle: Bundle, seen: Inspection, timeout_s: float, tell: Tell
    ) -> None:
        self._client, self._remote, self._parcel, self._seen = client, remote, bundle, seen
        self._tell = tell
        self._timeout_s = timeout_s
        self._began = time.monotonic()
        self._until = self._began + timeout_s
        self._stage: DeployStage = "looking"
        self._transfer = Transfer(client, remote, bundle, self._until, self._sent, self._waits)

    def run(self) -> DeployResult:
        """Raises no FlashError: it is in the result."""
        try:
            self._step("sending")
            self._transfer.run()
            self._step("trial")
            end = self._try()
        except StoppedError:
            end = Ended("stopped", self._where())
        except SilentError:
            end = Ended("failed", f"{self._where()}: time is up after {self._timeout_s:.0f} s")
        except FlashError as error:
            end = Ended("failed", str(error))
        return DeployResult(
            target=self._seen.target,
            result=end.result,
            reason=end.reason,
            device=self._seen.device,
            before=self._seen.runs,
            after=end.runs or self._seen.runs,
            sent_bytes=self._transfer.sent,
            seconds=time.monotonic() - self._began,
        )

    def _try(self) -> Ended:
        """A device that was lost from view is asked what became of it; to install once more what is on trial is to
        wait for its end.
        """
        request = secrets.token_hex(8)
        path = self._transfer.path
        while True:
            answer = self._install(path, request)
            end = answered(self._parcel, answer) if answer else None
            if end is not None:
                return end
            offer = self._ask()
            end = ended(self._parcel, request, offer, answer)
            if end is not None:
                return end
            path = offer.path or path  # a file that went into a slot lies there
            self._client.pause(POLL_S)

    def _install(self, path: str, request: str) -> CommandResult | None:
        """None when the connection was lost meanwhile."""
        try:
            left_s = max(1.0, self._until - time.monotonic())
            return self._client.run(self._remote.install(path, request, left_s), self._until)
        except DroppedError as error:
            self._waits(str(error))
            return None

    def _ask(self) -> Inventory:
        """Asks as often as it takes."""
        backoff = Backoff(MIN_PAUSE_S, MAX_PAUSE_S)
        while True:
            try:
                return ask(self._client, self._remote, self._parcel, self._until)
            except DroppedError as error:
                pause_s = backoff.after(0.0)
                if time.monotonic() + pause_s >= self._until:
                    raise FlashError(f"{error}; {self._where()}") from None
                self._waits(str(error))
                self._client.pause(pause_s)

    def _where(self) -> str:
        """In which state the device is left."""
        if self._stage == "trial":
            return f"the trial was not seen to its end; {_BY_ITSELF}"
        done = f"{self._transfer.have} of {self._parcel.size} bytes are there and are kept"
        return f"{done}; it runs {self._seen.runs} as before"

    def _step(self, stage: DeployStage) -> None:
        self._stage = stage
        self._tell(DeployStep(self._seen.target, stage))

    def _sent(self, have: int) -> None:
        self._tell(DeployStep(self._seen.target, "sending", have, self._parcel.size))

    def _waits(self, why: str) -> None:
        self._tell(DeployStep(self._seen.target, "waiting", detail=why))
