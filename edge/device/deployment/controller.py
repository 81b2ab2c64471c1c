"""The thread that keeps the line on the right model: it looks at the slots once a second, tries what is on trial, and
brings back what was there before when that is no good.

It never waits for the network, and no frame waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from edge.core.guard import GuardedThread
from edge.core.ratelimit import RateLimitedLog
from edge.device.assembly import check_labels, load_first
from edge.device.config import Config
from edge.device.deployment.canary import Canary
from edge.device.deployment.changes import DeploymentChanges
from edge.device.deployment.crash_loop import CrashLoop
from edge.device.deployment.hot_swap import ActiveModels, HotSwap
from edge.device.deployment.preflight import Candidate, audition
from edge.device.deployment.shadow.job import ShadowCancelled
from edge.device.deployment.start import CRASH_LOOP, StartModels
from edge.device.deployment.tally import TrialTally
from edge.device.recorder import Recorder
from edge.device.slots import FACTORY, Slots, SlotsState
from edge.device.slots.trust import trust_of
from edge.errors import ArtifactError, ConfigError, EdgeError, MissingError, StateError
from edge.inference.model import Model
from edge.protocol.messages import SlotsMessage
from edge.trust import admit

log = logging.getLogger(__name__)

LOOK_S = 1.0
TRIAL_LOOK_S = 0.05
HANG_S = 1.0
"""A decision loop on trial that does not turn for so long hangs in the model: short enough for the line to be without
decisions for less than two seconds. Longer where the model or the machine is slow anyway.
"""
HANG_TIMES, BUSY_TIMES = 5.0, 2.0
"""Factors of the hang time-out: 5 × the latency in the shadow run, 2 × the p99.9 from capture to decision before the
model came."""
STANDS_S = 0.15
"""A loop that waits for a frame turns after 0.1 s: one that has stood longer is in the model."""
STOP_S = 2.0
UNFIT = (ArtifactError, ConfigError, MissingError)


@dataclass(frozen=True, slots=True)
class Ways:
    """Hooks into the rest of the daemon."""

    tell: Callable[[SlotsMessage], None]
    """Monitors and ``edge status``, how the slots are."""
    hung: Callable[[str], NoReturn]
    """End the process at once: a decision thread is stuck in native code, and none can take its place."""
    failed: Callable[[EdgeError], None]
    """End the line in order: no model is left."""


@dataclass(frozen=True, slots=True)
class ActiveTrial:
    """A model that judges and may have to go."""

    slot: str
    sha256: str
    """SHA-256 of the artifact."""
    active_models: ActiveModels
    live: Canary
    before: ActiveModels | None
    """Still loaded: the way back. None where there was no other model."""
    hang_s: float


class DeploymentController:
    """:meth:`start` it once the line runs, :meth:`stop` it before the recorder ends."""

    def __init__(
        self,
        config: Config,
        slots: Slots,
        start: StartModels,
        active_models: ActiveModels,
        switch: HotSwap,
        recorder: Recorder,
        ways: Ways,
    ) -> None:
        self._config, self._slots, self._trust = config, slots, trust_of(config)
        self._switch, self._recorder, self._ways = switch, recorder, ways
        self._active_models, self._sha256 = active_models, start.sha256
        self._trial: ActiveTrial | None = None
        self._bad = ("", "")
        """A slot and why it is to be rolled back, until the disk has taken note of it."""
        self._stamp: tuple[int, ...] | None = None
        self._news = DeploymentChanges(slots, ways.tell)
        self._unproven = CrashLoop(slots.folder)
        self._seldom = RateLimitedLog(log)
        self._begin_tally()
        if start.trial:
            self._watch(start.slot, start.sha256, active_models, None, 0.0)
        else:
            self._unproven.begin(start.sha256)
        self._stopping = threading.Event()
        self._thread = GuardedThread(self._run, "slots")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """A trial under way is broken off, and costs an attempt; a model that is being loaded is not waited for."""
        self._stopping.set()
        self._thread.join(STOP_S)
        self._unproven.clear()

    def _run(self) -> None:
        self._settle_ratchet()
        while True:
            try:
                self._turn()
            except StateError as error:
                self._seldom.warning("state", f"{error}; trying again")
            except Exception:
                log.exception("the slots' deployment stumbled; it goes on")
            if self._stopping.wait(TRIAL_LOOK_S if self._trial else LOOK_S):
                return

    def _turn(self) -> None:
        self._note_bad()
        self._unproven.look()
        stamp = self._slots.stamp()
        if stamp != self._stamp:
            state = self._slots.state()
            self._news.announce(state, self._active_models.generation.identity)
            self._notice(state)
            self._stamp = stamp  # last, so that what the disk refused is tried again
        if self._trial is not None:
            self._look_at(self._trial)

    def _notice(self, state: SlotsState) -> None:
        """Whoever has changed the slots: the line follows."""
        if self._trial is not None:
            trial = self._trial
            if state.trial == trial.slot and state.held[trial.slot].sha256 == trial.sha256:
                return
            if not self._go_back(trial, trial.hang_s):
                self._ways.hung(f"slot {trial.slot} hangs, and its trial is over")
        self._follow_active(state)
        if state.trial:
            self._try(state)

    # -- the active slot --------------------------------------------------------------------------------------------

    def _follow_active(self, state: SlotsState) -> None:
        """A person has activated another slot, or left this one."""
        sha256 = state.held[state.active].sha256 if state.active != FACTORY else ""
        if sha256 == self._sha256:
            return
        try:
            first = load_first(self._config, state.files[state.active] if sha256 else None)
            active_models = self._prepared(first)
        except UNFIT as error:
            log.error("slot %s does not run; going on with %s: %s", state.active or "-", self._name, error)  # noqa: TRY400
            if state.active != FACTORY and not state.trial:
                self._slots.roll_back(f"does not run: {error}")
            return
        self._switch.to(active_models)
        self._switch.part_with(self._active_models)
        self._active_models, self._sha256 = active_models, sha256
        self._unproven.begin(sha256)
        self._begin_tally()
        log.info("judging with %s v%d from now on", self._name, active_models.generation.identity.model_version)

    def _prepared(self, first: Model) -> ActiveModels:
        active_models = self._switch.prepare(self._active_models, first)
        check_labels(self._config, active_models.cascades[0])
        return active_models

    # -- a trial ----------------------------------------------------------------------------------------------------

    def _try(self, state: SlotsState) -> None:
        name, path = state.trial, state.files[state.trial]
        if not self._slots.attempt():
            self._give_up(name, CRASH_LOOP)
            return
        stamp = self._slots.stamp()
        log.info("slot %s is on trial: %s v%d", name, state.held[name].model, state.held[name].version)
        try:
            candidate = audition(self._config, self._trust, path, self._active_models, lambda: self._is_wanted(stamp))
            active_models = self._prepared(candidate.model)
        except ShadowCancelled:
            return
        except UNFIT as error:
            self._give_up(name, str(error).replace(f"{path}: ", ""))
            return
        if not self._stopping.is_set():
            self._go_live(name, active_models, candidate)

    def _is_wanted(self, stamp: tuple[int, ...]) -> bool:
        return not self._stopping.is_set() and self._slots.stamp() == stamp

    def _go_live(self, name: str, active_models: ActiveModels, candidate: Candidate) -> None:
        self._watch(name, candidate.admitted.sha256, active_models, self._active_models, candidate.usual_ms)
        self._unproven.clear()  # an end is the trial's from now on, which has attempts of its own
        active_models.lean_on(self._active_models)
        self._switch.to(active_models)
        log.info(
            "judging with %s v%d, on trial",
            active_models.generation.identity.model,
            active_models.generation.identity.model_version,
        )

    def _watch(
        self, name: str, sha256: str, active_models: ActiveModels, before: ActiveModels | None, usual_ms: float
    ) -> None:
        config = self._config
        deadlines_ms = [source.deadline_ms for source in config.source]
        done = self._tally.before() if before is not None else None
        live = Canary(active_models.number, config.slots, deadlines_ms, done, time.monotonic())
        busy_s = done.latencies.quantile(0.999) / 1e6 if done is not None else 0.0
        hang_s = max(HANG_S, HANG_TIMES * usual_ms / 1000, BUSY_TIMES * busy_s)
        self._trial = ActiveTrial(name, sha256, active_models, live, before, hang_s)
        self._recorder.show_parts_to(live.see)

    def _look_at(self, trial: ActiveTrial) -> None:
        stands_s = self._switch.stands_for_s()
        if stands_s > trial.hang_s:
            self._give_up_hung(
                trial, f"hangs: no decision for {stands_s:.1f} s after {trial.live.parts} parts on the line"
            )
            return
        if stands_s > STANDS_S:
            return  # what comes of it is seen at its end
        verdict = trial.live.verdict(self._tally.accounts(), time.monotonic(), trial.active_models.refused)
        if verdict.state == "good":
            self._commit(trial)
        elif verdict.state == "bad":
            self._give_up(trial.slot, verdict.reason)

    def _commit(self, trial: ActiveTrial) -> None:
        self._slots.commit(trial.sha256)
        if trial.before is not None:
            trial.active_models.stand_alone()
            self._switch.part_with(trial.before)
        self._trial, self._active_models, self._sha256 = None, trial.active_models, trial.sha256
        self._unproven.begin(trial.sha256)
        self._begin_tally()
        self._settle_ratchet()
        log.info("slot %s has proved itself on %d parts and is active", trial.slot, trial.live.parts)

    def _give_up(self, name: str, reason: str) -> None:
        """The line first, the disk then, however often that takes."""
        log.error("slot %s is rolled back: %s", name, reason)
        trial = self._trial
        if trial is not None and not self._go_back(trial, trial.hang_s):
            self._end_hung(trial, f"hangs: no decision for {trial.hang_s:.1f} s; before that, {reason}")
        self._bad = name, reason
        self._note_bad()

    def _give_up_hung(self, trial: ActiveTrial, reason: str) -> None:
        """Nobody can take a thread out of native code: it is left behind, once."""
        log.error("slot %s is rolled back: %s", trial.slot, reason)
        if trial.before is None or self._switch.left or not self._go_back(trial, STANDS_S):
            self._end_hung(trial, reason)
        log.error("the thread that hangs is left behind, for idle moments, until this daemon is started anew")
        self._bad = trial.slot, reason
        self._note_bad()

    def _end_hung(self, trial: ActiveTrial, reason: str) -> None:
        """A disk that keeps no note of it costs another attempt."""
        with suppress(StateError):
            self._slots.end_trial(trial.slot, reason)
        self._ways.hung(f"slot {trial.slot} {reason}")

    def _note_bad(self) -> None:
        name, reason = self._bad
        if name:
            self._slots.end_trial(name, reason)
            self._bad = "", ""

    def _go_back(self, trial: ActiveTrial, within_s: float) -> bool:
        """Returns to the previous model; abandons threads that have not come back from the model on trial by then.
        False when that cannot be."""
        self._trial = None
        if trial.before is None:
            self._ways.failed(ArtifactError(f"slot {trial.slot} is no good, and there is no other model"))
            return True
        active_models = self._switch.again(trial.before)
        turned = self._switch.away_to(active_models, within_s)
        self._switch.part_with(trial.active_models)
        self._active_models = active_models
        self._begin_tally()
        log.info("judging with %s v%d again", self._name, active_models.generation.identity.model_version)
        return turned

    # -- small things -----------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._active_models.generation.identity.model

    def _begin_tally(self) -> None:
        self._tally = TrialTally(self._switch.pipelines)
        self._recorder.show_parts_to(self._tally.see)

    def _settle_ratchet(self) -> None:
        """At each commit, and at a start, for the power may have gone in between: no older version from here on."""
        try:
            state = self._slots.state()
            if state.active != FACTORY:
                admitted = admit(state.files[state.active], self._trust, allow_downgrade=True)
                self._trust.committed(admitted.key, admitted.model, admitted.version)
        except (EdgeError, OSError) as error:
            self._seldom.warning("ratchet", f"the version of the active slot is not noted as the lowest: {error}")
