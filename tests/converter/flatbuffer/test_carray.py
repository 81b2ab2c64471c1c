from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from converter.flatbuffer import carray

FLATBUFFER = np.random.default_rng(0).integers(0, 256, 5003).astype(np.uint8).tobytes()
FLAGS = ["-Wall", "-Wextra", "-Werror", "-std=c11"]

MAIN = """
#include <stdint.h>
#include <stdio.h>
#include "cookie.h"
int main(void) {
  if ((uintptr_t)cookie_2_model % 16 || cookie_2_model_len != sizeof cookie_2_model) return 1;
  return fwrite(cookie_2_model, 1, cookie_2_model_len, stdout) != cookie_2_model_len;
}
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with cookie.c, cookie.h and a main.c that writes the array to standard output."""
    name = carray.identifier("cookie-2")
    (tmp_path / "cookie.h").write_bytes(carray.header(name, len(FLATBUFFER)))
    (tmp_path / "cookie.c").write_bytes(carray.source(name, "cookie.h", FLATBUFFER))
    (tmp_path / "main.c").write_text(MAIN)
    return tmp_path


def compilers(*names: str) -> list[str]:
    return [name for name in names if shutil.which(name)]


def test_the_compiled_array_is_the_flatbuffer_aligned_to_16_bytes(sources: Path):
    found = compilers("gcc", "clang", "tcc")
    assert found, "no C compiler; deploy/setup/packages.sh test installs one"
    for compiler in found:
        subprocess.run([compiler, *FLAGS, "main.c", "cookie.c", "-o", compiler], cwd=sources, check=True)
        done = subprocess.run([sources / compiler], stdout=subprocess.PIPE, check=True)
        assert done.stdout == FLATBUFFER, compiler


def test_microcontroller_compilers_take_it_in_c_and_in_cpp(sources: Path):
    if not shutil.which("arm-none-eabi-gcc"):
        reason = "arm-none-eabi-gcc is not installed; apt-get install --no-install-recommends gcc-arm-none-eabi"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    core = ["-mcpu=cortex-m4", "-mthumb", "-c"]
    subprocess.run(["arm-none-eabi-gcc", *FLAGS, *core, "cookie.c"], cwd=sources, check=True)
    assert (sources / "cookie.o").stat().st_size > len(FLATBUFFER)
    (sources / "user.cpp").write_text(
        '#include "cookie.h"\nint main() { return cookie_2_model[0] == cookie_2_model_len; }\n'
    )
    subprocess.run(["arm-none-eabi-g++", "-Wall", "-Werror", *core, "user.cpp"], cwd=sources, check=True)
    symbols = subprocess.run(["arm-none-eabi-nm", "user.o"], cwd=sources, capture_output=True, text=True, check=True)
    # As C names them: C++ would have mangled them if the header did not say so.
    assert " U cookie_2_model\n" in symbols.stdout


@pytest.mark.parametrize(
    ("model_id", "name"),
    [("cookie-2", "cookie_2_model"), ("9.lives", "m_9_lives_model"), ("int", "int_model"), ("-a", "m__a_model")],
)
def test_a_model_id_becomes_a_c_name(model_id: str, name: str):
    assert carray.identifier(model_id) == name
