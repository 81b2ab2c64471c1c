"""This project: the pipeline of the daemon, with its capture thread."""

import sys

from protocol import serve

from edge.chain import Chain
from edge.frames import open_source
from edge.gate import NoGate
from edge.model import load
from edge.pipeline import Pipeline, Waiting
from tests.bench.timing import Unwatched

chain = Chain(load(sys.argv[1]))


def judge_video(video: str) -> int:
    pipeline = Pipeline(open_source(video), chain, NoGate(), Unwatched(), Waiting("every"))
    pipeline.run()
    return pipeline.accounts.judged


serve(lambda frame: chain.predict(frame).label, judge_video)
