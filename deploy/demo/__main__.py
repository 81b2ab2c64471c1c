"""``python -m deploy.demo``: what ``make demo`` runs. Status 1 when anything in the report is wrong."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from deploy.demo.line import SEED, run_line
from deploy.demo.report import checks, render, save
from deploy.demo.steps import command, run, step
from edge.errors import EdgeError

FOLDER = Path("build") / "demo"


def main() -> int:
    started = time.monotonic()
    try:
        holds = _demo(FOLDER)
    except EdgeError as error:
        sys.stderr.write(f"\n{error}\n")
        return error.exit_status
    sys.stdout.write(f"\nWhole demo: {time.monotonic() - started:.0f} s. Everything is in {FOLDER}/.\n")
    return 0 if holds else 1


def _demo(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model, artifact = folder / "cookie.keras", folder / "cookie.tflite"
    with step("Pictures of the line: as many of each kind to train with, then as they really come"):
        # Parts that the run does not show again: a line is judged on cookies that nobody has seen.
        line = ("--line", f"sim://line?seed={SEED}")
        command("simulate", "images", folder / "train", "--count", "1500", "--first", "100000", "--balanced", *line)
        command("simulate", "images", folder / "line", "--count", "1200", "--first", "200000", *line)
    with step("Train a small Keras model"):
        run([sys.executable, "-m", "deploy.demo.train", str(folder / "train"), str(model)])
    with step("Convert it to a full-integer artifact, with its drift reference"):
        command("convert", model, "--data", folder / "line", "-o", artifact)
        command("inspect", artifact)
    with step("Run the line: the broker goes and comes back, the light dims half-way"):
        result = run_line(folder)
    found = checks(result)
    save(found, folder / "report.json")
    sys.stdout.write(f"\nReport\n{render(found)}\n")
    return all(check.holds for check in found)


if __name__ == "__main__":
    sys.exit(main())
