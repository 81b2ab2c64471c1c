"""SD card as the daemon will find it, under its root folder: configuration, keys, slots."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.core.atomic import make_folder, write_whole
from edge.device.config import Config, load_config
from edge.device.slots import FOLDER, Slots
from edge.device.slots.inventory import inventory_of
from edge.device.slots.trust import trust_of
from edge.errors import ArtifactError, ConfigError, FlashError
from edge.fleet.bundle import Bundle
from edge.fleet.sdcard.rootfs import RootFs, give
from edge.protocol.inventory import Inventory
from edge.trust import TrustedKey
from edge.trust.keys import verifies

USER = "edge"
"""User that runs the daemon on a provisioned device."""


class SdCard:
    """``config`` is the path of the configuration as the device has it; ``new_config`` takes its place where there is
    none. All methods raise EdgeError; OSError only where it is said.
    """

    def __init__(self, root: RootFs, config: str, new_config: Path | None) -> None:
        if not (root.path / "etc").is_dir():
            raise FlashError(
                f"{root.path}: not a root folder, it has no etc/; is the card's second partition mounted?"
            )
        self.root = root
        self._path = root.inside(config)
        self._new = new_config
        self.config = self._load(config)
        self.trust = trust_of(self.config)
        later = root.mounted_later(self.config.device.state)
        if later:
            raise FlashError(f"{later}: a partition of its own at the boot of {root.path}; mount it there here, too")

    def offer(self, keys: Sequence[TrustedKey], bundle: Bundle | None) -> Inventory:
        """Inventory of the card, as it would be once it trusts ``keys``, too."""
        named = (bundle.sha256, bundle.size) if bundle else ("", 0)
        offer = inventory_of(self.config, *named)
        trusted = dict.fromkeys((*offer.keys, *(key.id for key in keys)))
        return replace(offer, edge="", machine=self.root.machine(), keys=tuple(trusted))

    def put(self, bundle: Bundle, keys: Sequence[TrustedKey]) -> str:
        """In an order in which a cut leaves what a second run completes; returns the slot. Raises OSError, too."""
        self._make_state()
        if self._new is not None and not self._path.exists():
            make_folder(self._path.parent)
            write_whole(self._path, self._new.read_bytes(), 0o644)
        for key in keys:
            self.trust.add(key.raw, key.name)
        self._check_signature(bundle)
        slots = Slots(self.config.device.state / FOLDER)
        slot = slots.put(bundle.path, bundle, source="edge flash")
        slots.activate(slot, untried=True)
        return slot

    def hand_over(self) -> str:
        """Hands the files to the owner of the state folder; returns that owner. Raises OSError."""
        state = self.config.device.state
        owner = state.stat()
        if os.geteuid() == 0:
            give(state, (owner.st_uid, owner.st_gid))
        belongs = f"user {owner.st_uid}" if owner.st_uid else "root, until systemd's StateDirectory= gives it away"
        return f"{self.root.shown(state)} belongs to {belongs}"

    def _make_state(self) -> None:
        """A new one belongs to the daemon's user of that system, where it has one."""
        state = self.config.device.state
        if state.exists():
            return
        make_folder(state)
        owner = self.root.owner(USER)
        if owner is not None and os.geteuid() == 0:
            os.chown(state, *owner)

    def _check_signature(self, bundle: Bundle) -> None:
        """The device would find it out at its first boot only, far from here."""
        if not self.trust.require_signature:
            return
        key = self.trust.key(bundle.key)
        if key is None or not verifies(key.raw, bundle.signature, bundle.signed):
            raise ArtifactError(f"{bundle.path}: bad signature; sign it again with 'edge keys sign'")

    def _load(self, shown: str) -> Config:
        there = self._path.exists()
        if not there and self._new is None:
            raise ConfigError(f"{shown}: not on {self.root.path}; give one with --config-file")
        if there and self._new is not None and self._path.read_bytes() != self._new.read_bytes():
            raise ConfigError(
                f"{self._path}: is there and differs from {self._new}; leave --config-file out, or remove it"
            )
        source = self._path if there else self._new
        assert source is not None
        config = load_config(source)
        return replace(
            config, device=replace(config.device, state=self._state(config.device.state, source.resolve()))
        )

    def _state(self, state: Path, source: Path) -> Path:
        """Paths relative to the configuration go with it, others are the device's."""
        if state.is_relative_to(source.parent):
            state = self._path.parent / state.relative_to(source.parent)
            return self.root.inside(state.relative_to(self.root.path))
        return self.root.inside(state)
