"""Samples for people to label: kept on the device, exported, and what the labels say of the model."""

from edge.device.audit.auditor import Auditor
from edge.device.audit.folder import AuditFolder
from edge.device.audit.sample import STRATA, AuditedPart

__all__ = ["STRATA", "AuditFolder", "AuditedPart", "Auditor"]
