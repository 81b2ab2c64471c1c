"""What Evidently and alibi-detect themselves say about a set of columns.

``python -m tests.support.drift_packages`` runs both and writes tests/data/drift_packages.json, to which the
unit tests hold ours; the benchmark runs them anew.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.venvs import ALIBI, EVIDENTLY, run_in

RECORDED = Path(__file__).parents[1] / "data" / "drift_packages.json"

EVIDENTLY_PROGRAM = """
import json, sys
import numpy as np, pandas as pd
from evidently.legacy.calculations.stattests.registry import get_stattest
from evidently.legacy.core import ColumnType
out = []
for case in json.load(open(sys.argv[1])):
    kind = ColumnType.Numerical if case["numeric"] else ColumnType.Categorical
    reference, current = (
        pd.Series(case[side], dtype=float if case["numeric"] else object)
        .replace([-np.inf, np.inf], np.nan).dropna() for side in ("reference", "current")
    )
    test = get_stattest(reference, current, kind, None)
    result = test(reference, current, kind, None)
    out.append([test.name, float(result.drift_score), bool(result.drifted)])
print(json.dumps(out))
"""

ALIBI_PROGRAM = """
import json, sys
import numpy as np
from alibi_detect.cd import ChiSquareDrift, KSDrift
out = []
for case in json.load(open(sys.argv[1])):
    reference, current = (np.array(case[side], np.float32)[:, None] for side in ("reference", "current"))
    found = (KSDrift if case["numeric"] else ChiSquareDrift)(reference).predict(current)["data"]
    out.append([float(found["p_val"][0]), float(found["distance"][0])])
print(json.dumps(out))
"""


def evidently_cases() -> Iterator[dict[str, Any]]:
    """Ties, NaN, infinities, constants, few values, unseen and vanished categories, references around 1,000 rows."""
    rng = np.random.default_rng(0)
    for n in (30, 1000, 1001, 3000):
        for moved in (0.0, 0.1, 0.6):
            reference, current = rng.normal(0, 2, n), rng.normal(moved, 2, 400)
            yield {"numeric": True, "reference": reference.tolist(), "current": current.tolist()}
            rounded = [sample.round().tolist() for sample in (reference, current)]  # ties
            yield {"numeric": True, "reference": rounded[0], "current": rounded[1]}
        for distinct in (1, 2, 3, 5, 6):
            draws = [rng.integers(0, distinct, size).astype(float).tolist() for size in (n, 350)]
            yield {"numeric": True, "reference": draws[0], "current": draws[1]}
            words = [[f"kind {value:.0f}" for value in draw] for draw in draws]
            yield {"numeric": False, "reference": words[0], "current": words[1]}
            unseen = [*words[1][:-20], *["never seen"] * 20]
            yield {"numeric": False, "reference": words[0], "current": unseen}
            yield {"numeric": False, "reference": [*words[0], "gone"], "current": words[1]}
        holes = [math.nan, math.inf, *rng.normal(0, 1, n - 2).tolist()]
        yield {"numeric": True, "reference": holes, "current": [-math.inf, *rng.normal(0, 1, 50).tolist()]}
        yield {"numeric": True, "reference": [4.0] * n, "current": [4.0] * 100}
        yield {"numeric": True, "reference": [4.0] * n, "current": [5.0] * 100}
        yield {"numeric": True, "reference": [0.1] * n, "current": rng.normal(0.1, 0.001, 90).tolist()}


def alibi_cases() -> Iterator[dict[str, Any]]:
    """Numbers as float32, categories as whole numbers from 0 to 4."""
    rng = np.random.default_rng(1)
    for n in (50, 1000, 1001):
        for moved in (0.0, 0.2):
            pair = [rng.normal(shift, 1, size).astype(np.float32).tolist() for shift, size in ((0, n), (moved, 300))]
            yield {"numeric": True, "reference": pair[0], "current": pair[1]}
            draws = [rng.integers(0, 4, size).tolist() for size in (n, 300)]
            yield {"numeric": False, "reference": draws[0], "current": [*draws[1], 4]}


def ask() -> dict[str, Any]:
    """Lists of [test, value, drifted] and of [p-value, statistic], in the order of the cases."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.json"
        for name, cases, requirements, program in (
            ("evidently", evidently_cases(), EVIDENTLY, EVIDENTLY_PROGRAM),
            ("alibi", alibi_cases(), ALIBI, ALIBI_PROGRAM),
        ):
            path.write_text(json.dumps(list(cases)), "utf-8")
            found[name] = run_in(requirements, program, str(path))
    return found


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(ask()) + "\n", "utf-8")
