"""The artifact: one ``.tflite`` file with everything that belongs to the model."""

from edge.inference.artifact.artifact import Artifact
from edge.inference.artifact.manifest import Evaluation, InputSpec, Manifest, OutputSpec

__all__ = ["Artifact", "Evaluation", "InputSpec", "Manifest", "OutputSpec"]
