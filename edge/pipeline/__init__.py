"""From frame to decision."""

from edge.pipeline.accounts import Accounts, total
from edge.pipeline.intake import Glance, Intake, Judged
from edge.pipeline.mailbox import Mailbox, Waiting
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.stages import Cut, FollowedParts, Stage, VotedParts, WholeFrames
from edge.pipeline.steady import steady

__all__ = [
    "Accounts",
    "Cut",
    "FollowedParts",
    "Glance",
    "Intake",
    "Judged",
    "Mailbox",
    "Pipeline",
    "Stage",
    "VotedParts",
    "Waiting",
    "WholeFrames",
    "steady",
    "total",
]
