"""From frame to decision."""

from edge.pipeline.accounts import Accounts
from edge.pipeline.intake import Intake, Judged
from edge.pipeline.mailbox import Mailbox
from edge.pipeline.pipeline import Pipeline

__all__ = ["Accounts", "Intake", "Judged", "Mailbox", "Pipeline"]
