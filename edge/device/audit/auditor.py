"""Which of the judged parts are kept for people to label; used by the recorder, beside the way of the frame."""

from __future__ import annotations

import base64
import contextlib
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from edge.device.audit.draw import Draw
from edge.device.audit.folder import AuditFolder
from edge.device.audit.models import ModelFacts, model_key, remember_model
from edge.device.audit.sample import SCORES_MOST, STRATA, AuditedPart, Why
from edge.device.config import AuditConfig
from edge.device.pipeline import JudgedPart
from edge.inference.tasks.classification import Decision
from edge.protocol.messages import AuditSample, Identity
from edge.protocol.record import REJECTED, Record

MESSAGE_MOST = 700_000
"""Characters of a picture in a message; a larger one stays here."""
_MINUTE_S = 60.0


class Auditor:
    """For one thread; requests come through :attr:`folder` from any.

    The random sample is complete: nothing limits its rate. The parts that are kept because they are hard may all come
    at once, so of them only ``max_per_minute`` are.
    """

    def __init__(
        self,
        config: AuditConfig,
        folder: AuditFolder,
        identity: Identity,
        cameras: Sequence[str],
        models: Sequence[tuple[str, ...]],
        facts: ModelFacts,
    ) -> None:
        """``models``: the labels of each model in the cascade."""
        self.folder = folder
        self.outliers = config.outliers
        """Whether it wants to be told which parts are outlying."""
        self._config, self._cameras = config, cameras
        self._remembered: set[str] = set()
        self.follow(identity, models, facts)
        self._draws = [Draw(identity.device, identity.boot_id, camera) for camera in cameras]
        self._recent: deque[float] = deque()
        self._told = 0

    def follow(self, identity: Identity, models: Sequence[tuple[str, ...]], facts: ModelFacts) -> None:
        """From the next record on another cascade has judged."""
        self._identity, self._models, self._facts = identity, models, facts

    def see(self, record: Record, judged: JudgedPart, outlying: bool = False) -> AuditSample | None:
        """Keeps the part, if there is a reason to; then what the world is told of it.

        Who asked is told also of a part that the disk refused.
        """
        draw = self._draws[record.camera](record.part)
        request = self.folder.take_request()
        reasons = self._reasons(judged, draw, request is not None, outlying)
        if not reasons:
            return None
        self._remember_model()
        sample = self._sample(record, judged, reasons, draw, request or "")
        image = self.folder.keep(sample, judged.looks[-1].picture if judged.looks else None)
        if image is None and request is None:
            return None
        return self._message(sample, record.camera, image or b"")

    def _reasons(self, judged: JudgedPart, draw: float, requested: bool, outlying: bool) -> tuple[Why, ...]:
        given: dict[Why, bool] = {
            "random": draw < self._config.share,
            "requested": requested,
            "uncertain": self._is_uncertain(judged.judgement.decision),
            "outlying": outlying and self.outliers,
        }
        reasons = tuple(why for why in STRATA if given[why])
        is_hard_only = bool(reasons) and not (given["random"] or given["requested"])
        return () if is_hard_only and not self._has_turn() else reasons

    def _is_uncertain(self, decision: Decision) -> bool:
        config = self._config
        if decision.score < config.uncertain_below:
            return True
        return config.margin_below > 0 and margin(decision) < config.margin_below

    def _has_turn(self) -> bool:
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= _MINUTE_S:
            self._recent.popleft()
        if len(self._recent) >= self._config.max_per_minute:
            return False
        self._recent.append(now)
        return True

    def _sample(
        self, record: Record, judged: JudgedPart, reasons: tuple[Why, ...], draw: float, request: str
    ) -> AuditedPart:
        identity, decision = self._identity, judged.judgement.decision
        return AuditedPart(
            why=reasons,
            device=identity.device,
            boot_id=identity.boot_id,
            seq=record.seq,
            camera=self._cameras[record.camera],
            part=record.part,
            captured_ns=record.captured_ns,
            wall_ns=record.wall_ns,
            model=identity.model,
            model_version=identity.model_version,
            label=decision.label,
            score=round(float(decision.score), 6),
            scores=self._scores(judged),
            rejected=bool(record.flags & REJECTED),
            draw=draw,
            share=self._config.share,
            request=request,
        )

    def _scores(self, judged: JudgedPart) -> dict[str, float]:
        """By label: of the whole cascade where parts are voted on, else of the model that decided."""
        decision = judged.judgement.decision
        values = decision.scores.tolist()
        names = self._identity.labels
        if len(values) != len(names) and judged.looks:
            names = self._models[judged.looks[-1].model]
        if len(values) == 1 and len(names) == 2:
            values = [1.0 - values[0], values[0]]
        if len(values) != len(names):
            return {decision.label: round(float(decision.score), 6)}
        best = sorted(zip(values, names, strict=True), reverse=True)[:SCORES_MOST]
        return {name: round(value, 6) for value, name in best}

    def _message(self, sample: AuditedPart, camera: int, image: bytes) -> AuditSample:
        picture = base64.b64encode(image).decode() if self._config.send_images else ""
        number = self._told
        self._told += 1
        return AuditSample(
            **self._identity.head(number),
            request=sample.request,
            record_seq=sample.seq,
            camera=camera,
            part=sample.part,
            wall_ns=max(0, sample.wall_ns),
            why=sample.why,
            label=sample.label,
            score=sample.score,
            scores=sample.scores,
            picture=picture if len(picture) <= MESSAGE_MOST else "",
        )

    def _remember_model(self) -> None:
        """Before its first sample; a disk that refuses is asked again with the next."""
        key = model_key(self._identity.model, self._identity.model_version)
        if key not in self._remembered:
            with contextlib.suppress(OSError):
                remember_model(self.folder.folder, key, self._facts)
                self._remembered.add(key)


def margin(decision: Decision) -> float:
    """By how much the best score is above the second, from 0 to 1; of a single score s, between s and 1 - s."""
    scores = decision.scores
    if len(scores) == 1:
        return abs(2.0 * float(scores[0]) - 1.0)
    second, best = np.partition(scores, -2)[-2:]
    return float(best - second)
