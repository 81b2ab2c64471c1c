"""Many devices in one process: each with real slots, real trust, its own connections and the agent of roll-outs, but
without a camera; whether a trial ends well is said beforehand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.device.config import Config, load_config
from edge.device.deployment.factory import open_agent
from edge.device.slots import Slots, SlotsState
from edge.device.slots.trust import trust_of
from edge.device.sync import MemoryOutbox, Sync, open_transport
from edge.protocol.messages import Identity
from edge.protocol.messages import SlotsMessage as SlotsMessage

CONFIG = """
[device]
id = "{name}"
groups = {groups}
[source]
uri = "sim://line?width=64&height=48"
[model]
path = "none.tflite"
[sync]
broker = "{broker}"
[slots]
desired = {desired}
"""


class LightDevice:
    """``verdict``: of each model on trial, by its version; a reason means that it is rolled back for it."""

    def __init__(
        self,
        folder: Path,
        broker: str,
        key: bytes | None,
        *,
        groups: tuple[str, ...] = (),
        desired: bool = True,
        user: str = "",
        verdict: Callable[[int], str] = lambda version: "",
        trial_s: float = 0.05,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = folder.name
        text = CONFIG.format(name=self.name, groups=list(groups), broker=broker, desired=str(desired).lower())
        path = folder / "edge.toml"
        path.write_text(text.replace("[slots]", f'username = "{user}"\n[slots]') if user else text, "utf-8")
        self.config: Config = load_config(path)
        self.slots = Slots(self.config.device.state / "slots")
        if key is not None:
            trust_of(self.config).add(key)
        self._verdict, self._trial_s = verdict, trial_s
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    def start(self) -> LightDevice:
        config, sync = self.config, self.config.sync
        self._ending.clear()
        identity = Identity(
            self.name,
            "",
            "",
            f"boot-{time.time_ns()}",
            "factory",
            1,
            ("a",),
            config.device.groups,
            config.slots.desired,
        )
        transport = open_transport(sync.broker, client_id=self.name, user=sync.username)
        self._sync = Sync(transport, MemoryOutbox(), identity)
        self._agent = open_agent(config, self._sync, self.slots)
        self._sync.start()
        self._thread = threading.Thread(target=partial(self._keep, identity), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        if self._agent is not None:
            self._agent.stop()
        self._sync.stop(2.0)

    @property
    def version(self) -> int:
        """0 while the factory model is active."""
        state = self.slots.state()
        return state.held[state.active].version if state.active else 0

    def _keep(self, identity: Identity) -> None:
        stamp, told = None, 0
        while not self._ending.wait(0.02):
            if self.slots.stamp() == stamp:
                continue
            stamp = self.slots.stamp()
            state = self.slots.state()
            message = SlotsMessage(
                **identity.head(told),
                active=state.active,
                trial=state.trial,
                slots=state.slots,
                outcome=state.outcome,
            )
            self._sync.send_slots(message)
            told += 1
            if state.trial and not self._ending.wait(self._trial_s):
                self._try(state)

    def _try(self, state: SlotsState) -> None:
        assert self.slots.attempt()
        held = state.held[state.trial]
        reason = self._verdict(held.version)
        if reason:
            self.slots.roll_back(reason)
            return
        self.slots.commit()
        trust_of(self.config).committed(held.key, held.model, held.version)
