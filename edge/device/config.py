"""The one configuration file, ``edge.toml``: every setting, its type, its default and what it is for.

``edge/device/README.md`` shows the same table; a test holds the two together. Relative paths
are relative to the file's own folder.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edge.core.address import parse_address
from edge.core.choices import Colour, Policy, Range, RuntimeChoice
from edge.core.structs import build
from edge.device.commands.allowed import check_allowed
from edge.device.credentials import located
from edge.errors import ConfigError
from edge.gates.options import GateConfig
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.interpreter.setup import Delegate, Wanted
from edge.inference.parts.options import PartsOptions
from edge.inference.tasks.classification import ClassificationRule
from edge.protocol.topics import check_root

MAX_CAMERAS = 16
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    id: str
    """Name of this device, part of every topic: letters, digits, dot, dash, underscore."""
    state: Path = Path("state")
    """Folder for the buffer and everything else that must survive a restart."""
    site: str = ""
    """Where the device stands; travels in the payload."""
    line: str = ""
    """The production line; travels in the payload."""
    groups: tuple[str, ...] = ()
    """Roll-outs over MQTT can mean all devices of a group."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    uri: str
    """Camera, video, folder or simulator; see 'Frame sources'."""
    name: str = ""
    """Name of the camera in logs and messages; by default its number. For several cameras, repeat [[source]]."""
    policy: Policy | None = None
    """"latest" drops the older frame when the model is late, "every" makes the source wait, "adaptive" lets two
    frames wait as long as they can be decided in time. By default, cameras are "latest" and files "every"."""
    wait_s: float = field(default=0.0, metadata={"min": 0.0, "max": 3600.0})
    """Longest time that "every" waits before it drops the oldest frame after all; 0 is without end."""
    deadline_ms: float = field(default=100.0, metadata={"min": 1.0, "max": 60_000.0})
    """From capture to decision; what "adaptive" reckons with."""
    core: int | None = field(default=None, metadata={"min": 0, "max": 1023})
    """Processor core that this camera's decisions have for themselves."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    path: Path | None = None
    """The factory model (.tflite): what runs where no slot holds an active one."""
    runtime: RuntimeChoice = "auto"
    """"auto" takes what `edge bench --tune` found, else litert where it works, else tflite-runtime."""
    threads: int | None = field(default=None, metadata={"min": 1, "max": 64})
    """Threads of the interpreter. By default what `edge bench --tune` found, else 1."""
    xnnpack: bool | None = None
    """TFLite's fast kernels for processors. By default what `edge bench --tune` found, else true."""
    delegate: str = ""
    """Library of an external delegate, such as "libedgetpu.so.1": a path, or a name that the system knows."""
    delegate_options: dict[str, Any] = field(default_factory=dict)
    """Its options, in the library's own words."""
    labels: Path | None = None
    """For a foreign model: a file with one label a line."""
    colour: Colour | None = None
    """For a foreign model: "RGB", "BGR" or "GRAY"."""
    range: Range | None = None
    """For a foreign model: what pixel values become, "0..255", "0..1" or "-1..1"."""

    @property
    def wanted(self) -> Wanted:
        """Wishes for the interpreter. Raises ConfigError for options that are no plain values."""
        delegate = Delegate.build(self.delegate, self.delegate_options) if self.delegate else None
        return Wanted(self.runtime, self.threads, self.xnnpack, delegate)


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeConfig(ModelConfig):
    """A further model, which judges the same picture after the one before it."""

    when: tuple[str, ...] = ()
    """Labels of the model before it that lead to this one; none means all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsConfig(PartsOptions):
    """Parts on the belt are followed and each is judged once, instead of every frame."""

    calibration: Path | None = None
    """Made by 'edge calibrate'; none: every frame is a part. ``{camera}`` in it stands for the camera's name."""
    margin: float = field(default=0.1, metadata={"min": 0.0, "max": 2.0})
    """Around a part in the picture that the model sees, as a share of its longer side."""
    square: bool = False
    """The picture that the model sees is a square: for models that must not see parts stretched."""


@dataclass(frozen=True, slots=True)
class DecideConfig:
    reject: tuple[str, ...] = ()
    """Labels of parts that the gate takes off the line."""
    min_score: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0, "was": "least_score"})
    """Parts whose label scores lower are rejected, too."""


@dataclass(frozen=True, slots=True)
class BufferConfig:
    cap_mb: int = field(default=256, metadata={"min": 1, "max": 1 << 20})
    """The database never grows past this; the oldest predictions go first."""
    commit_records: int = field(default=500, metadata={"min": 1, "max": 50_000})
    """Commit after so many records …"""
    commit_s: float = field(default=5.0, metadata={"min": 0.05, "max": 600.0})
    """… or so many seconds, whichever comes first: what a power cut can lose."""


@dataclass(frozen=True, slots=True)
class DriftConfig:
    window: int = field(default=200, metadata={"min": 30, "max": 1_000_000})
    """Parts in one tumbling window."""
    alpha: float = field(default=0.001, metadata={"min": 1e-9, "max": 0.5})
    """Share of the windows of an undisturbed line that may be called drifted."""


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """Which parts are kept for people to label; by default none. See edge/device/audit/README.md."""

    share: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0})
    """Share of all judged parts that is kept at random: the only sample that tells how good the model is."""
    uncertain_below: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0})
    """Parts whose label scores lower are kept, too."""
    margin_below: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0})
    """Parts whose two best scores are closer are kept, too."""
    outliers: bool = False
    """Parts that are farther from the drift reference than 99 % of it are kept, too."""
    max_per_minute: int = field(default=6, metadata={"min": 1, "max": 6000, "was": "most_per_minute"})
    """Largest number of uncertain and outlying ones that is kept a minute."""
    cap_mb: int = field(default=64, metadata={"min": 1, "max": 1 << 20})
    """The folder never grows past this; the oldest samples go first, random ones last."""
    send_images: bool = False
    """Pictures may leave the device: in the messages on the topic audit."""


@dataclass(frozen=True, slots=True)
class SyncConfig:
    broker: str = ""
    """"mqtt://host:1883", "mqtts://host:8883", "file:///path.jsonl", or empty for no sync."""
    root: str = "edge"
    """First level of every topic."""
    predictions: bool = False
    """Send every record too, not only drift windows and health."""
    backlog_rate: float = field(default=25_000.0, metadata={"min": 1.0, "max": 1e9})
    """Records a second at most while catching up after an outage; live data goes first."""
    commands: tuple[str, ...] = ()
    """Commands that the device obeys over MQTT: "status", "doctor", "audit", "set:<setting>"; by default none."""
    username: str = ""
    """For brokers that ask."""
    password_file: Path | None = None
    """File that holds the password."""
    ca: Path | None = None
    """CA certificates (PEM) that the broker's certificate is checked with."""
    cert: Path | None = None
    """The device's certificate (PEM)."""
    key: Path | None = None
    """The device's private key (PEM)."""


@dataclass(frozen=True, slots=True)
class SlotsConfig:
    """Which new models are taken; see edge/trust/README.md."""

    require_signature: bool = True
    """Only models signed with one of the keys that 'edge keys trust' made known to this device."""
    max_version_jump: int = field(default=1000, metadata={"min": 1, "max": 1 << 62, "was": "most_version_jump"})
    """Largest distance of a new model's version above the highest that was committed, so that one with a huge version
    does not shut out all later ones."""
    attempts: int = field(default=3, metadata={"min": 1, "max": 100})
    """Loads that a new model has during its trial: a crash costs one, with the last one the old model is back."""
    shadow: int = field(default=100, metadata={"min": 0, "max": 100_000})
    """Pictures that a new model judges beside the active one before it may judge the line; 0: none."""
    shadow_s: float = field(default=30.0, metadata={"min": 1.0, "max": 86_400.0})
    """So long it waits for them; then those that came have to do, and the golden samples."""
    min_agreement: float = field(default=0.9, metadata={"min": 0.0, "max": 1.0, "was": "least_agreement"})
    """Share of them that both models give the same label."""
    max_latency_ratio: float = field(default=4.0, metadata={"min": 1.0, "max": 1000.0, "was": "most_latency"})
    """Times as long as the active model it may take for one; what takes no more than 5 ms is quick enough."""
    reject_change: float = field(default=0.15, metadata={"min": 0.0, "max": 1.0})
    """By how much the share of rejected parts may differ from the active model's."""
    trial_frames: int = field(default=300, metadata={"min": 1, "max": 10_000_000})
    """Parts that a new model judges on the line before it is the active one; the way back stays open so long …"""
    trial_s: float = field(default=60.0, metadata={"min": 1.0, "max": 604_800.0})
    """… or so many seconds, whichever comes first, but not before 30 parts."""
    desired: bool = False
    """Takes the models that a roll-out over MQTT wants on this device; see edge/fleet/rollout/README.md."""


@dataclass(frozen=True, slots=True)
class HealthConfig:
    interval_s: float = field(default=10.0, metadata={"min": 0.5, "max": 86_400.0})
    """Seconds between health messages."""
    prometheus: str = ""
    """Where Prometheus may fetch /metrics, "127.0.0.1:9095"; empty for nowhere."""


@dataclass(frozen=True, slots=True)
class Config:
    device: DeviceConfig
    source: tuple[SourceConfig, ...]
    model: ModelConfig = field(default_factory=ModelConfig)
    camera: CameraMonitorOptions = field(default_factory=CameraMonitorOptions)
    cascade: tuple[CascadeConfig, ...] = field(default=(), metadata={"was": "then"})
    parts: PartsConfig = field(default_factory=PartsConfig)
    decide: DecideConfig = field(default_factory=DecideConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    buffer: BufferConfig = field(default_factory=BufferConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)
    slots: SlotsConfig = field(default_factory=SlotsConfig)
    health: HealthConfig = field(default_factory=HealthConfig)

    @property
    def rule(self) -> ClassificationRule:
        return ClassificationRule(frozenset(self.decide.reject), self.decide.min_score)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Their names, in the order of the configuration."""
        return tuple(source.name or str(number) for number, source in enumerate(self.source))


def load_config(path: Path | str) -> Config:
    """Raises ConfigError that names the file, the key, the value and what was expected."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        config = _anchored(build(Config, data), path.resolve().parent)
        _check(config)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; expected a TOML configuration, see edge/device/README.md") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a TOML configuration in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return config


def _anchored(config: Config, folder: Path) -> Config:
    """Relative paths are relative to the configuration file, wherever the daemon is started."""

    def anchored(section: Any) -> Any:
        if isinstance(section, tuple):
            return tuple(anchored(item) for item in section)
        paths = {
            f.name: located(v, folder) for f in fields(section) if isinstance(v := getattr(section, f.name), Path)
        }
        if isinstance(section, SourceConfig) and "://" not in section.uri:
            paths["uri"] = str(folder / section.uri)  # type: ignore[assignment]
        if isinstance(section, ModelConfig) and "/" in section.delegate:
            paths["delegate"] = str(folder / section.delegate)  # type: ignore[assignment]
        return replace(section, **paths)

    return replace(config, **{section.name: anchored(getattr(config, section.name)) for section in fields(config)})


def _check(config: Config) -> None:
    _check_device(config.device)
    _check_cameras(config)
    try:
        check_root(config.sync.root)
    except ConfigError as error:
        raise ConfigError(f"sync.{error}") from None
    try:
        if config.health.prometheus:
            parse_address(config.health.prometheus)
    except ConfigError as error:
        raise ConfigError(f"health.prometheus: {error}") from None
    check_allowed(config.sync.commands)
    for place, model in (("model", config.model), *(("cascade", stage) for stage in config.cascade)):
        if model.delegate_options and not model.delegate:
            raise ConfigError(f"{place}.delegate_options: there is no {place}.delegate to give them to")
        if model.path is None and place == "cascade":
            raise ConfigError("cascade.path: missing; expected the .tflite of a further model")
        _ = model.wanted
    if bool(config.sync.cert) != bool(config.sync.key):
        raise ConfigError("sync.cert and sync.key: expected both or neither")


def _check_device(device: DeviceConfig) -> None:
    for key in ("id", "site", "line"):
        value = getattr(device, key)
        if value or key == "id":
            _check_id(f"device.{key}", value)
    for group in device.groups:
        _check_id("device.groups", group)


def _check_id(place: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise ConfigError(f"{place}: expected 1 to 63 letters, digits, dots, dashes or underscores, got {value!r}")


def _check_cameras(config: Config) -> None:
    names = config.cameras
    if not 0 < len(names) <= MAX_CAMERAS:
        raise ConfigError(f"source: expected 1 to {MAX_CAMERAS} cameras, got {len(names)}")
    for name in names:
        _check_id("source.name", name)
        if names.count(name) > 1:
            raise ConfigError(f"source.name: two cameras are called {name!r}; expected a name of its own for each")
    calibration = config.parts.calibration
    if calibration is not None and len(names) > 1 and "{camera}" not in str(calibration):
        raise ConfigError(
            f"parts.calibration: one file for {len(names)} cameras; expected one of each, "
            "as in calibration = 'belt-{camera}.json'"
        )
