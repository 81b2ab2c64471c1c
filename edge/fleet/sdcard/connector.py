"""Into the root folder of a mounted SD card: the device has the model at its first boot, without a network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edge.device.config import load_config
from edge.errors import ConfigError, EdgeError
from edge.fleet.bundle import Bundle
from edge.fleet.connector import DeployResult, DeployStep, Inspection, Tell
from edge.fleet.options import Options
from edge.fleet.preflight import obstacle, runs_it
from edge.fleet.sdcard.rootfs import RootFs
from edge.fleet.sdcard.sdcard import SdCard
from edge.protocol.inventory import RunningModel
from edge.trust import TrustedKey
from edge.trust.keys import read_public


def open_target(text: str, options: Options) -> FolderTarget:
    """``dir:///media/root``. Raises ConfigError, also for keys and configurations that are no good."""
    url = urlsplit(text)
    path = Path(unquote(url.path))
    if url.netloc or url.query or url.fragment or not path.is_absolute():
        raise ConfigError(f"{text}: expected dir:// and an absolute path, as in dir:///media/root")
    keys = tuple(TrustedKey.of(read_public(key), key.stem) for key in options.folder.trust)
    if options.folder.config_file is not None:
        load_config(options.folder.config_file)
    return FolderTarget(text, RootFs(path), options, keys)


class FolderTarget:
    """A :class:`edge.fleet.connector.Connector` of one root folder."""

    def __init__(self, text: str, root: RootFs, options: Options, keys: Sequence[TrustedKey]) -> None:
        self.target, self.key = text, f"dir://{root.path}"
        self._root, self._options, self._keys = root, options, keys

    def look(self, bundle: Bundle | None, tell: Tell) -> Sequence[Inspection]:
        tell(DeployStep(self.target, "looking"))
        try:
            card = self._card()
            return [self._seen(card, bundle)]
        except (EdgeError, OSError) as error:
            return [Inspection(self.target, problem=_said(error))]

    def deliver(self, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> Sequence[DeployResult]:
        began = time.monotonic()
        tell(DeployStep(self.target, "sending"))
        result = DeployResult(self.target, "failed", "", seen[0].device, seen[0].runs, seen[0].runs)
        try:
            card = self._card()
            slot = card.put(bundle, self._keys)
            after = RunningModel(bundle.model, bundle.version, bundle.sha256, slot)
            reason = f"active from the first boot; {card.hand_over()}"
            result = replace(result, result="installed", reason=reason, after=after, sent_bytes=bundle.size)
        except (EdgeError, OSError) as error:
            result = replace(result, reason=_said(error))
        return [replace(result, seconds=time.monotonic() - began)]

    def stop(self) -> None:
        """Ends what was begun, which takes no longer than a copy; each step of it is whole or not there."""

    def _card(self) -> SdCard:
        return SdCard(self._root, self._options.config, self._options.folder.config_file)

    def _seen(self, card: SdCard, bundle: Bundle | None) -> Inspection:
        offer = card.offer(self._keys, bundle)
        trusted = card.trust.key_ids()
        same = bundle is not None and runs_it(bundle, offer) and all(key.id in trusted for key in self._keys)
        problem = obstacle(bundle, offer) if bundle else offer.problem
        if offer.daemon:
            problem = "a daemon runs on it now; expected a card that is only mounted here"
        return Inspection(
            target=self.target,
            device=offer.device,
            machine=offer.machine,
            free_bytes=offer.free_bytes,
            runs=offer.runs,
            trial=offer.trial,
            problem="" if same else problem,
            unchanged=same,
        )


def _said(error: Exception) -> str:
    if isinstance(error, EdgeError) or not isinstance(error, OSError):
        return str(error)
    return f"{error.filename or 'the card'}: {error.strerror}; is it mounted to be written, and are you root?"
