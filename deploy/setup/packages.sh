#!/usr/bin/env bash
# Installs the Debian packages that `make demo` or `make test` needs, or says which line is missing.
# Usage: packages.sh demo|test
set -euo pipefail

# opencv-python is built with a GUI: libGL and glib even where nothing is shown. A|B: either will do; Debian 13
# renamed the one to the other.
demo=(python3-venv libgl1 "libglib2.0-0|libglib2.0-0t64" libxcb1 mosquitto)
# The V4L2 tests compile a small driver of their own; tcc is the smallest compiler.
test=("${demo[@]}" openssl "tcc|gcc|clang" libc6-dev)

case "${1:-}" in
  demo) wanted=("${demo[@]}") ;;
  test) wanted=("${test[@]}") ;;
  *) echo "usage: $0 demo|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system: please make sure that these are there: ${wanted[*]}" >&2
  exit 0
fi

installed() {
  local name
  for name in ${1//|/ }; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] && return 0
  done
  return 1
}

missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("${package%%|*}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if sudo --non-interactive true 2>/dev/null; then
    as_root=(sudo)
  else
    echo "Missing system packages. Please run:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi

echo "Installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update --quiet=2
"${as_root[@]}" apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
