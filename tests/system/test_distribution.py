"""Wheel and source distribution, installed into environments that hold nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.wheels import build_distributions

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("distribution")]

VERSIONS = ("3.11", "3.12", "3.13")
ROOT = Path(__file__).resolve().parents[2]


def interpreter(version: str) -> Path | None:
    """Python of that version: this one, one on the path, or one of pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    of_pyenv = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    found = of_pyenv[-1] if of_pyenv else shutil.which(f"python{version}")
    return Path(found) if found else None


PYTHONS = {version: path for version in VERSIONS if (path := interpreter(version))}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source distribution of this tree."""
    return build_distributions(tmp_path_factory.mktemp("dist"))


def environment(folder: Path, python: Path, *wanted: str | Path) -> Path:
    """A new environment's Python, with what is wanted installed."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    made = folder / "bin" / "python"
    command = [made, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def names_in(archive: Path) -> set[str]:
    """Files of the product in a distribution, without the folder that a source distribution has around them."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
    else:
        with tarfile.open(archive) as packed:
            names = [name.partition("/")[2] for name in packed.getnames()]
    return {name for name in names if name.startswith(("edge/", "converter/")) and "." in name.rpartition("/")[2]}


def test_both_hold_every_file_of_the_product_that_a_user_needs(distributions: tuple[Path, Path]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "edge", "converter"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    needed = {path for path in tracked if not path.endswith((".md", ".png")) and (ROOT / path).exists()}
    for archive in distributions:
        assert needed - names_in(archive) == set()


@pytest.mark.parametrize("version", sorted(PYTHONS))
def test_the_wheel_judges_pictures_where_nothing_else_is_installed(
    distributions: tuple[Path, Path], tmp_path: Path, photos: Path, version: str
) -> None:
    python = environment(tmp_path / "new", PYTHONS[version], distributions[0])
    photo = next(photos.glob("*.png"))
    edge = [python.with_name("edge"), "predict", ROOT / "tests" / "data" / "colour.tflite", photo]
    said = subprocess.run(
        [*edge, "--colour", "RGB", "--range", "0..255", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert photo.name in said.stdout
    hint = "from edge.core.package import install_hint as hint, version; print(version(), hint('gpio'))"
    told = subprocess.run([python, "-c", hint], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told == f"{distributions[0].name.split('-')[1]} pip install 'edgeline[gpio] @ file://{distributions[0]}'\n"
