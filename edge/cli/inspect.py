"""``edge inspect``: what a model says about itself, and what it leaves open."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import Subparsers, add_model_options, given, interpreter_options

if TYPE_CHECKING:
    from edge.inference.artifact import Artifact
    from edge.inference.interpreter import Interpreter


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "inspect",
        help="show what a model states about itself",
        description="Show what a .tflite states about itself, what was given, and what is assumed or open.",
        epilog="Example: edge inspect cookie.tflite",
    )
    parser.add_argument("model", metavar="MODEL", help="a .tflite")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--key", type=Path, metavar="PUBFILE", help="check the signature with this public key")
    asked.add_argument("-c", "--config", type=Path, metavar="FILE", help="check it with the keys this device trusts")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 0 also when something is left open: that is what the command is for."""
    from edge.errors import ArtifactError
    from edge.inference.artifact import Artifact
    from edge.inference.interpreter import Interpreter, Wanted, check_in_child

    artifact = Artifact.load(args.model)
    setup = Wanted(**interpreter_options(args)).default
    try:
        check_in_child(artifact.model, setup)
        interpreter = Interpreter(artifact.model, setup)
    except ArtifactError as error:
        raise ArtifactError(f"{args.model}: {error}") from None
    facts = _facts(artifact, interpreter) | {"signature": _signature(artifact, args)}
    facts |= _description(artifact, interpreter, args)
    text = json.dumps(facts, indent=2, ensure_ascii=False) if args.json else _table(facts)
    sys.stdout.write(text + "\n")
    return 0


def _facts(artifact: Artifact, interpreter: Interpreter) -> dict[str, Any]:
    from edge.core.structs import plain

    manifest = artifact.manifest
    tensor, result = interpreter.inputs[0], interpreter.outputs[0]
    return {
        "model": artifact.name,
        "version": manifest.version if manifest else None,
        "created": manifest.created if manifest else None,
        "kind": "artifact" if manifest else "foreign .tflite",
        "bytes": len(artifact.model),
        "files": {name: len(data) for name, data in sorted(artifact.files.items())},
        "sha256": artifact.sha256,
        "runtime": interpreter.platform,
        "min_runtime": artifact.stated.min_runtime,
        "ran_on": list(manifest.runtimes) if manifest else [],
        "input": plain(tensor),
        "output": plain(result),
        "evaluation": plain(manifest.evaluation) if manifest and manifest.evaluation else None,
        "accuracy": plain(manifest.accuracy) if manifest and manifest.accuracy else None,
    }


def _signature(artifact: Artifact, args: argparse.Namespace) -> str:
    from edge.trust import TrustedKey
    from edge.trust.inspection import signature_of
    from edge.trust.keys import read_public

    if args.key is not None:
        return signature_of(artifact, [TrustedKey.of(read_public(args.key))], "not by this key")
    if args.config is not None:
        from edge.device.config import load_config
        from edge.device.slots.trust import trust_of

        return signature_of(artifact, trust_of(load_config(args.config)).keys(), "not trusted by this device")
    return signature_of(artifact, (), "not checked, give --key or --config")


def _description(artifact: Artifact, interpreter: Interpreter, args: argparse.Namespace) -> dict[str, Any]:
    from edge.core.structs import plain
    from edge.errors import ArtifactError
    from edge.inference.artifact.describe import describe

    try:
        description = describe(artifact, interpreter, given(args))
    except ArtifactError as error:
        return {"open": str(error).removeprefix(f"{args.model} ")}
    stated = plain(description.input)
    properties = {
        "colour": stated["colour"],
        "range": {"mean": stated["mean"], "std": stated["std"]},
        "resize": f"{stated['resize']} ({stated['interpolation']})",
        "scores": description.output.activation,
        "labels": list(description.labels),
    }
    return {name: {"value": value, "by": description.origins[name]} for name, value in properties.items()}


def _table(facts: dict[str, Any]) -> str:
    return "\n".join(f"{name + ':':<13}{_show(value)}" for name, value in facts.items() if value is not None)


def _show(value: object) -> str:
    if isinstance(value, dict) and set(value) == {"value", "by"}:
        return f"{_show(value['value'])}   [{value['by']}]"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_show(item)}" for key, item in value.items())
    if isinstance(value, list):
        shown = ", ".join(_show(item) for item in value[:12])
        return shown + (f", … ({len(value)})" if len(value) > 12 else "")
    return f"{value:.6g}" if isinstance(value, float) else str(value)
