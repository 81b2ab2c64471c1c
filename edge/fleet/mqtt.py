"""Many devices over an MQTT broker: who is there, and a staged roll-out to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

from edge.errors import ConfigError, LinkError, MessageError
from edge.fleet.bundle import Bundle
from edge.fleet.connector import DeployResult, DeployStep, Inspection, Tell
from edge.fleet.options import Options
from edge.fleet.rollout.console import RolloutConsole
from edge.fleet.rollout.fleet import FleetState, Member
from edge.fleet.rollout.rollout import DeviceOutcome, Limits, Rollout, new_id
from edge.fleet.rollout.stages import cut, parse_stages
from edge.fleet.rollout.upload import remove, upload
from edge.protocol.broker import Broker
from edge.protocol.desired import Desired, check_url
from edge.protocol.inventory import RunningModel
from edge.protocol.mqtt import MqttTransport
from edge.protocol.topics import check_name, check_root

CLEAN_S = 60.0
_WINDOW = 32


def open_target(text: str, options: Options) -> MqttTarget:
    """Raises ConfigError."""
    mqtt = options.mqtt
    if sum((bool(mqtt.devices), bool(mqtt.group), mqtt.everyone)) != 1:
        raise ConfigError(f"{text}: which devices? Expected one of --devices, --group and --all")
    for device in mqtt.devices:
        check_name(device, "--devices")
    if len(set(mqtt.devices)) < len(mqtt.devices):
        raise ConfigError("--devices: a device is named twice; leave one of them out")
    if mqtt.max_failures < 0:
        raise ConfigError(f"--max-failures: expected a number from 0, got {mqtt.max_failures}")
    parse_stages(mqtt.stages)
    check_root(mqtt.root)
    try:
        if mqtt.url:
            check_url(mqtt.url)
    except MessageError as error:
        raise ConfigError(str(error).replace("desired.url", "--url")) from None
    broker = Broker.parse(
        text, user=mqtt.user, password_file=mqtt.password_file, ca=mqtt.ca, cert=mqtt.cert, key=mqtt.key
    )
    return MqttTarget(text, broker, options)


class MqttTarget:
    """A :class:`edge.fleet.connector.Connector` of all the chosen devices of one broker."""

    def __init__(self, text: str, broker: Broker, options: Options) -> None:
        self.target, self.key = text, str(broker)
        self._broker, self._mqtt, self._timeout_s = broker, options.mqtt, options.timeout_s
        self._rollout: Rollout | None = None
        self._stopped = threading.Event()

    def look(self, bundle: Bundle | None, tell: Tell) -> Sequence[Inspection]:
        tell(DeployStep(self.target, "looking"))
        console = self._console("")
        try:
            console.open()
        except LinkError as error:
            return [Inspection(self.target, problem=str(error))]
        finally:
            console.close()
        members = console.fleet.members
        chosen = list(self._chosen(members.items()))
        if not chosen:
            which = f"in the group {self._mqtt.group}" if self._mqtt.group else "of any device"
            return [
                Inspection(self.target, problem=f"nothing is known {which} under {self._mqtt.root}/v1 at this broker")
            ]
        return [self._seen(device, members[device], bundle) for device in chosen]

    def deliver(self, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> Sequence[DeployResult]:
        delivery = _Delivery(self.target, bundle, seen, tell)
        console = self._console(bundle.sha256)
        try:
            console.open()
            self._roll_out(console, delivery)
        except LinkError as error:
            delivery.lost = str(error)
        finally:
            console.close()
        return delivery.results(console.fleet, self._stopped.is_set())

    def stop(self) -> None:
        self._stopped.set()
        if self._rollout is not None:
            self._rollout.stop()

    def _console(self, sha256: str) -> RolloutConsole:
        return RolloutConsole(MqttTransport(self._broker, window=_WINDOW), FleetState(self._mqtt.root, sha256))

    def _chosen(self, members: Iterable[tuple[str, Member]]) -> Iterable[str]:
        if self._mqtt.devices:
            return self._mqtt.devices
        group = self._mqtt.group
        known = [(device, member.status) for device, member in members if member.status is not None]
        return sorted(device for device, status in known if not group or group in status.groups)

    def _seen(self, device: str, member: Member, bundle: Bundle | None) -> Inspection:
        unchanged = bundle is not None and member.runs(bundle.sha256)
        return Inspection(
            target=self.target,
            device=device,
            runs=running(member),
            trial=member.slots.trial if member.slots else "",
            problem="" if unchanged else _problem(member, bundle),
            unchanged=unchanged,
        )

    def _roll_out(self, console: RolloutConsole, delivery: _Delivery) -> None:
        bundle, fleet, root = delivery.bundle, console.fleet, self._mqtt.root
        chunk_bytes = 0 if self._mqtt.url else self._upload(console, delivery)
        if self._stopped.is_set() and not self._mqtt.url:
            return
        # Who is away comes last: the first stage is to tell something.
        devices = sorted(delivery.devices, key=lambda device: not fleet.members[device].online)
        desired = Desired(
            new_id(bundle.sha256),
            bundle.model,
            bundle.version,
            bundle.sha256,
            bundle.size,
            chunk_bytes,
            self._mqtt.url,
        )
        limits = Limits(self._timeout_s, max_failures=self._mqtt.max_failures)
        rollout = self._rollout = Rollout(console, root, desired, limits, delivery.say)
        if self._stopped.is_set():
            rollout.stop()
        delivery.ends = rollout.ends
        rollout.run(cut(devices, parse_stages(self._mqtt.stages)))
        delivery.failures = rollout.failures
        console.flush(time.monotonic() + CLEAN_S)
        if chunk_bytes and not rollout.waiting:
            remove(console, root, bundle.sha256, bundle.size, chunk_bytes, CLEAN_S)

    def _upload(self, console: RolloutConsole, delivery: _Delivery) -> int:
        bundle = delivery.bundle

        def wanted() -> bool:
            return not self._stopped.is_set()

        return upload(console, self._mqtt.root, bundle.sha256, bundle.data, self._timeout_s, delivery.sending, wanted)


class _Delivery:
    """Progress of each device that can be told at any time."""

    def __init__(self, target: str, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> None:
        self._target, self.bundle, self._tell = target, bundle, tell
        self._before = {one.device: one.runs for one in seen}
        self._sent = 0
        self.ends: dict[str, DeviceOutcome] = {}
        self.failures = 0
        self.lost = ""
        """Why the broker could not be used any more."""

    @property
    def devices(self) -> list[str]:
        return list(self._before)

    def sending(self, done: int) -> None:
        self._sent = done
        self._tell(DeployStep(self._target, "sending", done, self.bundle.size))

    def say(self, text: str) -> None:
        self._tell(DeployStep(self._target, "trial", detail=text))

    def results(self, fleet: FleetState, interrupted: bool) -> list[DeployResult]:
        """One for each device. The upload is counted with the first, for all of them fetch the same."""
        found = []
        for number, (device, before) in enumerate(self._before.items()):
            end = self.ends.get(device) or self._unreached(interrupted)
            sent = self._sent if number == 0 else 0
            after = running(fleet.members[device])
            found.append(DeployResult(self._target, end.how, end.reason, device, before, after, sent, end.seconds))
        return found

    def _unreached(self, interrupted: bool) -> DeviceOutcome:
        if self.lost:
            return DeviceOutcome("failed", f"{self.lost}; run it again, it goes on where it was")
        if interrupted:
            return DeviceOutcome("stopped", "interrupted before it was its turn")
        if self.failures:
            return DeviceOutcome("stopped", f"not its turn: the roll-out stopped after {self.failures} failures")
        return DeviceOutcome("stopped", "not its turn: the stages end before it")


def running(member: Member) -> RunningModel:
    """Running model as the device names it: its active slot, else the model of its configuration."""
    active = member.active
    if active is not None:
        return RunningModel(active.model, active.version, active.sha256, active.name)
    return RunningModel(member.status.model, member.status.model_version) if member.status else RunningModel()


def _problem(member: Member, bundle: Bundle | None) -> str:
    if member.status is None:
        return "the broker has no status of it; is it called so, and has it ever been connected?"
    if not member.status.desired:
        return "it takes no models over MQTT; set slots.desired = true in its configuration"
    trial = member.trial
    if trial is None or bundle is None or trial.sha256 == bundle.sha256:
        return ""
    return f"slot {trial.name} is on trial; wait for its end"
