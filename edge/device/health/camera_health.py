"""Faults of cameras and gate: messages for the monitor, and a memory of how sharp pictures usually are."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.atomic import write_whole
from edge.device.pipeline import Thumbnail
from edge.inference.frames.camera_monitor import CameraMonitor
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.frames.events import CameraEvent
from edge.protocol.messages import GATE, MAY_BE_OPEN, EventMessage, Identity

log = logging.getLogger(__name__)

MEMORY = "cameras.json"
"""In the state folder: each camera's usual sharpness, so that a lens that is dirty at the start is noticed."""
REMEMBER_S = 3600.0


class OutageListener(Protocol):
    """:class:`edge.inference.frames.Reopening`."""

    def take_events(self) -> list[CameraEvent]: ...


@dataclass(frozen=True, slots=True)
class WatchedCamera:
    """A camera by its name, and where its losses are told."""

    name: str
    source: OutageListener


class CameraHealth:
    """Used by the recorder's thread; :meth:`faults` by any."""

    def __init__(
        self, cameras: Sequence[WatchedCamera], options: CameraMonitorOptions, identity: Identity, state: Path
    ) -> None:
        self._cameras, self._identity, self._file = cameras, identity, state / MEMORY
        usual = _remembered(self._file)
        self._cares = [CameraMonitor(options, camera.name, usual.get(camera.name)) for camera in cameras]
        self._told = 0
        self._open_since_ns = 0
        self._remembered_s = time.monotonic()

    def follow(self, identity: Identity) -> None:
        """Another model judges from now on."""
        self._identity = identity

    def see(self, thumbnail: Thumbnail) -> Iterator[EventMessage]:
        """Notes which faults a look at the whole picture begins or ends."""
        for event in self._cares[thumbnail.camera].see(thumbnail.picture, thumbnail.captured_ns):
            yield self._of_camera(self._cameras[thumbnail.camera].name, event)

    def losses(self) -> Iterator[EventMessage]:
        """Cameras that went away or came back since the last call."""
        for camera in self._cameras:
            for event in camera.source.take_events():
                yield self._of_camera(camera.name, event)

    def gate(self, open_since_ns: int, detail: str) -> Iterator[EventMessage]:
        """An event when the gate may be open since then, and one when it is known to be off (0) again."""
        since_ns, active = self._open_since_ns, open_since_ns != 0
        if active == (since_ns != 0):
            return
        self._open_since_ns = open_since_ns
        lasted_s = 0.0 if active else max(0.0, (time.time_ns() - since_ns) / 1e9)
        yield self._message(GATE, MAY_BE_OPEN, active, since_ns or open_since_ns, lasted_s, detail)

    def faults(self, camera: int) -> tuple[str, ...]:
        """Faults of a camera now, but for being lost."""
        return tuple(event.fault for event in self._cares[camera].state)

    def remember_if_due(self) -> None:
        """Once an hour, for a device may be switched off at the wall."""
        if time.monotonic() - self._remembered_s >= REMEMBER_S:
            self.remember()

    def remember(self) -> None:
        """Keeps how sharp the cameras usually are; a disk that refuses costs no more than that."""
        self._remembered_s = time.monotonic()
        usual = {c.name: care.usual_sharpness for c, care in zip(self._cameras, self._cares, strict=True)}
        known = {name: sharpness for name, sharpness in usual.items() if sharpness is not None}
        try:
            write_whole(self._file, json.dumps(_remembered(self._file) | known).encode())
        except OSError as error:
            log.warning("%s: not written (%s)", self._file, error.strerror)

    def _of_camera(self, camera: str, event: CameraEvent) -> EventMessage:
        since_ns = max(0, event.since_wall_ns)
        return self._message(camera, event.fault, event.begins, since_ns, event.lasted_s, event.detail)

    def _message(
        self, camera: str, fault: str, active: bool, since_ns: int, lasted_s: float, detail: str
    ) -> EventMessage:
        number = self._told
        self._told += 1
        return EventMessage(
            **self._identity.head(number),
            camera=camera,
            fault=fault,
            active=active,
            since_ns=since_ns,
            lasted_s=round(lasted_s, 3),
            detail=detail,
        )


def _remembered(file: Path) -> dict[str, float]:
    """Empty where there is none, or where it is damaged: sharpness is then learnt anew."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): float(value) for name, value in found.items() if isinstance(value, int | float)}
