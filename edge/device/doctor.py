"""Checks of a device and of a configuration; each finding says the way out."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge.errors import EdgeError, GateError, LinkError, StateError

if TYPE_CHECKING:
    from edge.device.config import Config
    from edge.gates.options import GateConfig

LOW_DISK_BYTES = 1 << 30
FIRST_FRAME_TRIES = 3


@dataclass(frozen=True, slots=True)
class CheckResult:
    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def check_device() -> list[CheckResult]:
    """Checks what every line needs, whatever it does."""
    return [_board(), _python(), *_runtimes(), _opencv(), _clock()]


def check_config(path: Path) -> list[CheckResult]:
    """Checks what one configuration names: model, source, state folder, broker. A wrong configuration is a finding,
    too."""
    from edge.device.config import load_config

    try:
        config = load_config(path)
    except EdgeError as error:
        return [CheckResult("config", "fail", str(error))]
    checks: dict[str, Callable[[Config], str]] = {
        "model": _model,
        "source": _source,
        "gate": _gate,
        "state": _state,
        "broker": _broker,
        "trust": _trust,
    }
    return [
        CheckResult("config", "ok", str(path)),
        *(_attempt(name, check, config) for name, check in checks.items()),
    ]


def _attempt(name: str, check: Callable[[Config], str], config: Config) -> CheckResult:
    try:
        return CheckResult(name, "ok", check(config))
    except LinkError as error:
        return CheckResult(name, "warn", f"{error}; data waits in the buffer until it is there")
    except EdgeError as error:
        return CheckResult(name, "fail", str(error))


def _board() -> CheckResult:
    """A Raspberry Pi that is slowed down judges late, whatever else is right."""
    from edge.device.health.system import temperature_c, throttled
    from edge.inference.interpreter.machine import cores, cpu_name

    warmth, count = temperature_c(), cores()
    parts = [cpu_name(), f"{count} core{'s' if count > 1 else ''}", *([] if warmth is None else [f"{warmth:.0f} °C"])]
    slowed = throttled()
    if slowed:
        return CheckResult("board", "warn", ", ".join([*parts, *slowed]) + "; look at its power supply and cooling")
    return CheckResult("board", "ok", ", ".join(parts))


def _python() -> CheckResult:
    version = platform.python_version()
    if (3, 11) <= sys.version_info < (3, 14):
        return CheckResult("python", "ok", f"{version} on {platform.machine()}")
    return CheckResult("python", "fail", f"{version}; expected 3.11 to 3.13")


def _runtimes() -> list[CheckResult]:
    from edge.inference.interpreter import usable_runtimes

    found = usable_runtimes()
    if not found:
        return [CheckResult("runtime", "fail", "no TFLite runtime works here; pip install ai-edge-litert")]
    return [CheckResult("runtime", "ok", f"{runtime.name} {runtime.version}") for runtime in found]


def _opencv() -> CheckResult:
    # In a child: where libGL is missing the import fails, and it must not take this process's modules along.
    done = subprocess.run(
        [sys.executable, "-c", "import cv2; print(cv2.__version__)"], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return CheckResult("opencv", "ok", done.stdout.strip())
    reason = (done.stderr.strip().splitlines() or ["import cv2 failed"])[-1]
    return CheckResult(
        "opencv",
        "fail",
        f"{reason}; apt-get install --no-install-recommends libgl1 libglib2.0-0 libxcb1, "
        "or pip install opencv-python-headless in place of opencv-python",
    )


def _clock() -> CheckResult:
    synchronized = Path("/run/systemd/timesync/synchronized").exists()
    if synchronized or not Path("/run/systemd/system").exists():
        return CheckResult("clock", "ok", "synchronized" if synchronized else "no systemd here to ask")
    return CheckResult("clock", "warn", "not yet synchronized; records keep their order, wall times may be wrong")


def _model(config: Config) -> str:
    from edge.device.assembly import load_cascade

    cascade = load_cascade(config)
    platform = cascade.models[0].interpreter.platform
    drift = "with" if all(model.artifact.reference for model in cascade.models) else "without"
    return f"{cascade.name}, {len(cascade.labels)} labels, on {platform}, {drift} drift reference"


def _trust(config: Config) -> str:
    """Raises MissingError when signatures cannot be checked."""
    from edge.device.slots.trust import trust_of
    from edge.trust.keys import check_installed

    trust = trust_of(config)
    ids = trust.key_ids()
    if not trust.require_signature:
        return "takes new models with or without a signature"
    if not ids:
        return "no key is trusted, so no new model is taken; 'edge keys trust PUBFILE' adds one"
    check_installed()
    return f"takes new models signed by {' or '.join(ids)}"


def _source(config: Config) -> str:
    return "; ".join(_delivers(source.uri) for source in config.source)


def _delivers(uri: str) -> str:
    from edge.inference.frames import open_source

    source = open_source(uri)
    try:
        for _ in range(FIRST_FRAME_TRIES):
            frame = source.read()
            if frame is not None and frame.image is not None:
                height, width = frame.image.shape[:2]
                return f"{uri} delivers {width}×{height}"
    finally:
        source.close()
    from edge.errors import SourceError

    raise SourceError(f"{uri}: no picture among the first {FIRST_FRAME_TRIES} frames")


def _gate(config: Config) -> str:
    from edge.gates import open_gate

    gate = config.gate
    if gate.uri == "none":
        return "none configured"
    if gate.uri.startswith("serial:"):
        return _controller(gate)
    open_gate(gate, len(config.source), start=False).close()
    return f"{gate.uri} can be opened"


def _controller(gate: GateConfig) -> str:
    from edge.device.health.problems import GATE_WAYS_OUT
    from edge.gates.controller.console import ControllerConsole
    from edge.gates.factory import line_settings, serial_port

    line_settings(gate)
    with ControllerConsole(serial_port(gate.uri)) as console:
        status, faults = console.status, console.faults
    if faults:
        raise GateError(f"{gate.uri}: " + "; ".join(f"{fault}, {GATE_WAYS_OUT[fault]}" for fault in faults))
    return f"{gate.uri} answers: firmware {status.version}, boot {status.boots}, no faults"


def _state(config: Config) -> str:
    folder = config.device.state
    existing = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StateError(f"{folder}: cannot be written; expected a folder of this user's")
    free = shutil.disk_usage(existing).free
    if free < max(LOW_DISK_BYTES, config.buffer.cap_mb << 20):
        raise StateError(
            f"{folder}: {free >> 20} MB free; make room, or lower buffer.cap_mb ({config.buffer.cap_mb})"
        )
    return f"{folder}, {free >> 20} MB free"


def _broker(config: Config) -> str:
    if not config.sync.broker:
        return "none configured"
    from edge.device.assembly import make_transport

    transport = make_transport(config.sync, f"{config.sync.root}-{config.device.id}-doctor")
    transport.connect()
    transport.close()
    paho = importlib.metadata.version("paho-mqtt")
    return f"{config.sync.broker} accepts us (paho-mqtt {paho})"
