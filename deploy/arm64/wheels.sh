# shellcheck shell=bash
# Sourced: aarch64 wheels, fetched on this machine, which is ten times cheaper than pip in the emulator.

# host_python: an interpreter that has pip; the project's own where it exists.
host_python() {
  local python
  for python in .venv/bin/python python3; do
    if "$python" -m pip --version > /dev/null 2>&1; then
      echo "$python"
      return 0
    fi
  done
  echo "no Python with pip; run: make lint, or apt-get install --no-install-recommends python3-pip" >&2
  return 1
}

# aarch64_pip PYTHON REQUIREMENTS COMMAND…: pip for aarch64 and that Python, such as 3.11.
aarch64_pip() {
  local python=$1 list=$2 host glibc platforms=(--platform manylinux2014_aarch64)
  shift 2
  host=$(host_python) || return 1
  # tflite-runtime is tagged 2_34: pip takes only what is named. Debian 12 has glibc 2.36.
  for glibc in 17 24 26 27 28 31 34 35 36; do platforms+=(--platform "manylinux_2_${glibc}_aarch64"); done
  "$host" -m pip --disable-pip-version-check "$@" --quiet --quiet --only-binary=:all: --implementation cp \
    --python-version "$python" "${platforms[@]}" --requirement "$list"
}

# wanted PYTHON ARGUMENT…: the name of a file with what requirements.py says.
wanted() {
  local list host python=$1
  shift
  host=$(host_python) && list=$(mktemp) || return 1
  "$host" deploy/arm64/requirements.py "$python" pyproject.toml "$@" > "$list" || return 1
  echo "$list"
}

# wheels_into FOLDER PYTHON ARGUMENT…: installs there what requirements.py says.
wheels_into() {
  local target=$1 python=$2 list
  shift
  list=$(wanted "$@") || return 1
  aarch64_pip "$python" "$list" install --no-compile --target "$target" || return 1
  rm -f "$list"
  compile "$python" "$target"
}

# wheelhouse FOLDER PYTHON ARGUMENT…: puts the wheels there, and the SDK's own.
wheelhouse() {
  local target=$1 python=$2 list host source
  shift
  list=$(wanted "$@") && host=$(host_python) && source=$(mktemp -d) || return 1
  aarch64_pip "$python" "$list" download --dest "$target" || return 1
  # Of a copy: setuptools would leave its own build/ here, and pack what an earlier one left.
  cp -r pyproject.toml README.md LICENSE edge converter "$source/"
  "$host" -m pip --disable-pip-version-check --quiet --quiet wheel --no-deps --wheel-dir "$target" "$source" || return 1
  rm -rf "$list" "$source"
}

# compile PYTHON FOLDER: start-up in the emulator falls from 3.0 to 1.2 s of processor time. Byte code must be of the
# same Python; where this machine has another, the emulated one makes it bit by bit.
compile() {
  local host
  host=$(host_python) || return 1
  [ "$("$host" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$1" ] || return 0
  # Some modules break Python's rules on purpose: they are somebody's tests.
  "$host" -m compileall -q -j 2 -x '/(tests?|idlelib|lib2to3|pygments|distutils|ensurepip)/' "$2" > /dev/null || true
}
