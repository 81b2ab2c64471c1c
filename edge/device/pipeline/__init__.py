"""From frame to decision."""

from edge.device.pipeline.accounts import Accounts, total
from edge.device.pipeline.intake import Intake, JudgedPart, Thumbnail
from edge.device.pipeline.mailbox import Mailbox, MailboxPolicy
from edge.device.pipeline.pipeline import Pipeline
from edge.device.pipeline.stages import Cut, FollowedParts, PipelineStage, VotedParts, WholeFrames
from edge.device.pipeline.steady import steady

__all__ = [
    "Accounts",
    "Cut",
    "FollowedParts",
    "Intake",
    "JudgedPart",
    "Mailbox",
    "MailboxPolicy",
    "Pipeline",
    "PipelineStage",
    "Thumbnail",
    "VotedParts",
    "WholeFrames",
    "steady",
    "total",
]
