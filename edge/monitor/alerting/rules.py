"""When the monitor alarms, and whom it tells: the file ``alerts.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.core.structs import build, nearest
from edge.errors import ConfigError

KINDS = ("drift", "quiet", "drops", "buffer", "rollback", "camera", "gate")


@dataclass(frozen=True, slots=True)
class DriftRule:
    false_alarms_per_week: float = field(default=1.0, metadata={"min": 1e-6, "max": 1e6})
    """False alarms of the whole fleet together, at most, on average, while nothing drifts."""
    usual_share: float = field(default=0.01, metadata={"min": 1e-6, "max": 0.4})
    """So often may a device call a column drifted when nothing has changed; above its own drift.alpha, because
    neighbouring windows resemble each other."""
    clear_windows: int = field(default=10, metadata={"min": 1, "max": 10_000})
    """Windows in a row without drift until it is over."""


@dataclass(frozen=True, slots=True)
class QuietRule:
    after_s: float = field(default=180.0, metadata={"min": 1.0, "max": 1e7})
    """Without a word, or offline by its own word."""
    clear_s: float = field(default=60.0, metadata={"min": 0.0, "max": 1e7})
    """Back for so long."""


@dataclass(frozen=True, slots=True)
class DropsRule:
    share: float = field(default=0.05, metadata={"min": 0.0, "max": 1.0})
    """Share of the frames between two health messages."""
    clear_share: float = field(default=0.02, metadata={"min": 0.0, "max": 1.0})
    after_s: float = field(default=60.0, metadata={"min": 0.0, "max": 1e7})
    clear_s: float = field(default=300.0, metadata={"min": 0.0, "max": 1e7})


@dataclass(frozen=True, slots=True)
class BufferRule:
    """A buffer that makes room by throwing away what nobody has."""

    after_s: float = field(default=0.0, metadata={"min": 0.0, "max": 1e7})
    clear_s: float = field(default=600.0, metadata={"min": 0.0, "max": 1e7})


@dataclass(frozen=True, slots=True)
class RollbackRule:
    keep_s: float = field(default=86_400.0, metadata={"min": 1.0, "max": 1e8})
    """A model that was rolled back or refused is an alert for so long, or until a later trial goes well."""


@dataclass(frozen=True, slots=True)
class CameraRule:
    after_s: float = field(default=30.0, metadata={"min": 0.0, "max": 1e7})
    clear_s: float = field(default=30.0, metadata={"min": 0.0, "max": 1e7})


@dataclass(frozen=True, slots=True)
class GateRule:
    """A gate that may be open although it should be closed."""

    after_s: float = field(default=0.0, metadata={"min": 0.0, "max": 1e7})
    clear_s: float = field(default=0.0, metadata={"min": 0.0, "max": 1e7})


@dataclass(frozen=True, slots=True)
class GroupRule:
    wait_s: float = field(default=20.0, metadata={"min": 0.0, "max": 3600.0})
    """So long an alert waits for others of its kind that come with it."""
    most: int = field(default=3, metadata={"min": 1, "max": 1000})
    """Lines (then sites) that have an alert each; when more are concerned at once, the site (the fleet) has one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that are kept but not told. Patterns as of a shell; all must fit."""

    kind: str = "*"
    feature: str = "*"
    site: str = "*"
    line: str = "*"
    until: Any = None
    """A date and time with its zone, as TOML writes it; for ever without."""
    reason: str = ""

    def covers(self, kind: str, feature: str, site: str, line: str, now_ns: int) -> bool:
        if self.until is not None and now_ns >= self.until.timestamp() * 1e9:
            return False
        pairs = ((kind, self.kind), (feature, self.feature), (site, self.site), (line, self.line))
        return all(fnmatchcase(text, pattern) for text, pattern in pairs)


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    url: str
    """http:// or https://, to which each notice is posted as JSON."""
    secret_file: Path | None = None
    """File with the secret that notices are signed with: the header X-Edge-Signature is sha256=HMAC-SHA256 of the
    body, hexadecimal."""


@dataclass(frozen=True, slots=True)
class EmailConfig:
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = field(default=587, metadata={"min": 1, "max": 65_535})
    tls: bool = True
    """STARTTLS, with a certificate that is checked; false only for a relay on this machine."""
    user: str = ""
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class MqttConfig:
    publish: bool = False
    """On <root>/v1/@alerts/<number>, retained, through the monitor's own broker."""


@dataclass(frozen=True, slots=True)
class Rules:
    drift: DriftRule = field(default_factory=DriftRule)
    quiet: QuietRule = field(default_factory=QuietRule)
    drops: DropsRule = field(default_factory=DropsRule)
    buffer: BufferRule = field(default_factory=BufferRule)
    rollback: RollbackRule = field(default_factory=RollbackRule)
    camera: CameraRule = field(default_factory=CameraRule)
    gate: GateRule = field(default_factory=GateRule)
    group: GroupRule = field(default_factory=GroupRule)
    silence: tuple[Silence, ...] = ()
    webhook: tuple[WebhookConfig, ...] = ()
    email: tuple[EmailConfig, ...] = ()
    mqtt: MqttConfig = field(default_factory=MqttConfig)

    def silenced(self, kind: str, feature: str, site: str, line: str, now_ns: int) -> bool:
        return any(one.covers(kind, feature, site, line, now_ns) for one in self.silence)


def load_rules(path: Path) -> Rules:
    """Relative paths are relative to the file. Raises ConfigError that names the file and the key."""
    try:
        rules = build(Rules, tomllib.loads(path.read_text("utf-8")))
        _check(rules)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; expected alert rules in TOML, see edge/monitor/alerting/README.md"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected TOML in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    folder = path.resolve().parent
    webhooks = tuple(_anchored(one, "secret_file", folder) for one in rules.webhook)
    emails = tuple(_anchored(one, "password_file", folder) for one in rules.email)
    return replace(rules, webhook=webhooks, email=emails)


def _check(rules: Rules) -> None:
    _check_silences(rules)
    _check_emails(rules)
    for number, webhook in enumerate(rules.webhook):
        if urlsplit(webhook.url).scheme not in ("http", "https") or not urlsplit(webhook.url).hostname:
            raise ConfigError(f"webhook[{number}].url: expected https://host/path, got {webhook.url!r:.80}")
    if rules.drops.clear_share > rules.drops.share:
        raise ConfigError("drops.clear_share: expected at most drops.share, or it never clears")


def _check_silences(rules: Rules) -> None:
    for number, silence in enumerate(rules.silence):
        place = f"silence[{number}]"
        if not any(fnmatchcase(kind, silence.kind) for kind in KINDS):
            raise ConfigError(f"{place}.kind: unknown kind {silence.kind!r}; {nearest(silence.kind, list(KINDS))}")
        if silence.until is not None and (not isinstance(silence.until, datetime) or silence.until.tzinfo is None):
            raise ConfigError(f"{place}.until: expected a time with its zone such as 2026-05-01T06:00:00+02:00")


def _check_emails(rules: Rules) -> None:
    for number, email in enumerate(rules.email):
        for name in (email.sender, *email.to):
            if "@" not in name or not name.isprintable():
                raise ConfigError(f"email[{number}]: expected an address such as line@example.com, got {name!r:.80}")
        if bool(email.user) != bool(email.password_file):
            raise ConfigError(f"email[{number}]: user and password_file go together; give both or neither")


def _anchored(config: Any, name: str, folder: Path) -> Any:
    value = getattr(config, name)
    return config if value is None else replace(config, **{name: folder / value})


def settings() -> list[str]:
    """Every ``section.key``, for the documentation's test."""
    sections = {section.name: section for section in fields(Rules)}
    kinds = {"silence": Silence, "webhook": WebhookConfig, "email": EmailConfig}
    found = []
    for name in sections:
        kind: Any = kinds.get(name) or type(getattr(Rules(), name))
        found += [f"{name}.{key.name}" for key in fields(kind)]
    return found
