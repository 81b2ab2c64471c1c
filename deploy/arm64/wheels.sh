# Sourced: aarch64 wheels, fetched on this machine, which is ten times cheaper than pip in the emulator.

# host_python: an interpreter that has pip; the project's own where it exists.
host_python() {
  local python
  for python in .venv/bin/python python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return 0
    fi
  done
  echo "no Python with pip; run: make lint, or apt-get install --no-install-recommends python3-pip" >&2
  return 1
}

# wheels_into FOLDER PYTHON ARGUMENT…: installs there what requirements.py says for that Python, such as 3.11.
wheels_into() {
  local target=$1 python=$2 host list glibc platforms=(--platform manylinux2014_aarch64)
  shift 2
  host=$(host_python) || return 1
  list=$(mktemp)
  "$host" deploy/arm64/requirements.py "$python" pyproject.toml "$@" > "$list" || { rm -f "$list"; return 1; }
  # tflite-runtime is tagged 2_34: pip takes only what is named. Debian 12 has glibc 2.36.
  for glibc in 17 24 26 27 28 31 34 35 36; do platforms+=(--platform "manylinux_2_${glibc}_aarch64"); done
  "$host" -m pip --disable-pip-version-check install --quiet --quiet --no-compile --target "$target" --only-binary=:all: \
    --implementation cp --python-version "$python" "${platforms[@]}" --requirement "$list" \
    || { rm -f "$list"; return 1; }
  rm -f "$list"
  compile "$python" "$target"
}

# compile PYTHON FOLDER: start-up in the emulator falls from 3.0 to 1.2 s of processor time. Byte code must be of the
# same Python; where this machine has another, the emulated one does it bit by bit.
compile() {
  local host
  host=$(host_python) || return 1
  [ "$("$host" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$1" ] || return 0
  # Modules that break Python's rules on purpose are somebody's tests.
  "$host" -m compileall -q -j 2 -x '/(tests?|idlelib|lib2to3|pygments|distutils|ensurepip)/' "$2" > /dev/null || true
}
