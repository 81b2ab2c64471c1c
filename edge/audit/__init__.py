"""Samples for people to label: kept on the device, exported, and what the labels say of the model."""

from edge.audit.auditor import Auditor
from edge.audit.folder import AuditFolder
from edge.audit.sample import STRATA, Sample

__all__ = ["STRATA", "AuditFolder", "Auditor", "Sample"]
