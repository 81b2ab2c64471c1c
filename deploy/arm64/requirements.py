"""``requirements.py PYTHON pyproject.toml [--extra NAME]… [--only NAME]…``: what pip would install on the board.

pip reads the markers in pyproject.toml for the machine that it runs on, whatever ``--platform`` says; here they are
read for aarch64 and the given Python, such as 3.11. ``--only`` takes single packages of the extra ``test``; an extra
that the project does not have is passed over.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from packaging.requirements import Requirement
except ImportError:
    from pip._vendor.packaging.requirements import Requirement

TARGET = {"platform_machine": "aarch64", "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}


def wanted(project: dict[str, Any], python: str, extras: list[str], only: list[str]) -> Iterator[str]:
    """Requirements without markers. Raises ValueError for a name that the extra ``test`` does not have."""
    optional = project["optional-dependencies"]
    tests = [Requirement(line) for line in optional["test"]]
    unknown = set(only) - {requirement.name for requirement in tests}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: not in the extra 'test' of pyproject.toml")
    lines = [*project["dependencies"], *(line for extra in extras for line in optional.get(extra, ()))]
    environment = TARGET | {"python_version": python, "python_full_version": f"{python}.0"}
    for requirement in [*map(Requirement, lines), *(one for one in tests if one.name in only)]:
        if requirement.marker is None or requirement.marker.evaluate(environment):
            brackets = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            yield f"{requirement.name}{brackets}{requirement.specifier}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python")
    parser.add_argument("pyproject", type=Path)
    parser.add_argument("--extra", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    project = tomllib.loads(args.pyproject.read_text("utf-8"))["project"]
    try:
        lines = list(wanted(project, args.python, args.extra, args.only))
    except ValueError as error:
        sys.stderr.write(f"{args.pyproject}: {error}\n")
        return 2
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
