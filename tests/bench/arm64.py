"""int8 outputs on x86-64 against emulated ARM64, on both runtimes, and what the manifest allows."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.setting import SHARED, Setting
from tests.bench.timing import Row
from tests.system.arm64.differences import OURS, PICTURES, Difference, compare, crops, pack, parts, third_party


def rows(setting: Setting) -> Iterator[Row]:
    """Ours on the simulated line, others' on real photographs."""
    for name, model in OURS.items():
        pack(name, *model, parts(PICTURES), setting.folder)
    if SHARED.is_dir():
        pictures = list(crops(SHARED, PICTURES))
        for name, model in third_party(SHARED).items():
            pack(name, *model, pictures, setting.folder)
    yield from map(_row, compare(setting.folder))


def _row(found: Difference) -> Row:
    """``ours`` is the difference on the golden samples, ``other`` the largest on all pictures."""
    golden = float(found.golden) if isinstance(found.golden, int) else float("inf")
    name = (
        f"{found.model} on {found.runtime} ({found.kernels}): goldens, against all; same class {found.same_class:.0%}"
    )
    return Row(name, golden, found.largest, "LSB", f"≤ {found.tolerance}, as its manifest states", found.holds)
