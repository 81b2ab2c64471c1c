"""This project: the pipeline of the daemon, with its capture thread."""

import sys

from protocol import serve

from edge.device.pipeline import MailboxPolicy, Pipeline
from edge.gates import NoGate
from edge.inference.cascade import Cascade
from edge.inference.frames import open_source
from edge.inference.model import load
from tests.bench.timing import Unwatched

chain = Cascade(load(sys.argv[1]))


def judge_video(video: str) -> int:
    pipeline = Pipeline(open_source(video), chain, NoGate(), Unwatched(), MailboxPolicy("every"))
    pipeline.run()
    return pipeline.accounts.judged


serve(lambda frame: chain.predict(frame).label, judge_video)
