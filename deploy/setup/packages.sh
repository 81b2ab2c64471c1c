#!/usr/bin/env bash
# Installs the Debian packages that `make demo`, `test`, `test-arm64`, `boot-arm64`, `boot-compose` or a line device needs,
# or says which are missing.
# Usage: packages.sh demo|test|arm64|boot|compose|device
# PACKAGES_FROM=DIR: where .deb files lie for a device without a network.
set -euo pipefail

# opencv-python is built with a GUI: libGL and glib even where nothing is shown. A|B: either will do; Debian 13
# renamed the one to the other.
device=(python3-venv libgl1 "libglib2.0-0|libglib2.0-0t64" libxcb1 openssl)
demo=("${device[@]}" mosquitto)
# clang compiles what the tests need on this machine, and has libFuzzer. The Arm compiler takes the converter's C array
# and, with qemu, the firmware. Chromium opens the converter's report. Disks in files and networks of their own:
# e2fsprogs, mount, iproute2. A device that boots systemd in a container, what checks the files in deploy/, the
# database that monitors share, what asks the dashboards' questions, and an SSH server to flash.
test=("${demo[@]}" clang libclang-rt-dev libc6-dev gcc-arm-none-eabi qemu-system-arm e2fsprogs mount iproute2
      systemd systemd-container udev dbus shellcheck cloud-init docker-compose postgresql prometheus
      openssh-server openssh-client "qemu-user-static|qemu-user"
      "chromium|chromium-browser|google-chrome-stable")
# A compiler for the emulated board: libraries that its tests load.
arm64=("${test[@]}" gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
# What makes a whole ARM64 system.
boot=("${test[@]}" mmdebstrap arch-test cpio zstd)
# A container engine and what makes its base image.
compose=("${test[@]}" docker.io iptables mmdebstrap)

case "${1:-}" in
  demo) wanted=("${demo[@]}") ;;
  test) wanted=("${test[@]}") ;;
  arm64) wanted=("${arm64[@]}") ;;
  boot) wanted=("${boot[@]}") ;;
  compose) wanted=("${compose[@]}") ;;
  device) wanted=("${device[@]}") ;;
  *) echo "usage: $0 demo|test|arm64|boot|compose|device" >&2; exit 2 ;;
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

# Without root, Mosquitto need not be installed: Debian's own package is unpacked for the demo and the tests.
unpack_mosquitto() {
  local place=build/mosquitto names
  [ -x "$place/run" ] && return 0
  mkdir -p "$place"
  names=$(apt-get install --simulate --no-install-recommends mosquitto 2>/dev/null | awk '/^Inst/ { print $2 }')
  [ -n "$names" ] || return 1
  # shellcheck disable=SC2086  # a list of package names
  (cd "$place" && apt-get download --quiet=2 $names 2>/dev/null && for deb in ./*.deb; do dpkg-deb -x "$deb" .; done) || return 1
  cat > "$place/run" <<'RUN'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu*) exec "$here/usr/sbin/mosquitto" "$@"
RUN
  chmod +x "$place/run"
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if sudo --non-interactive true 2>/dev/null; then
    as_root=(sudo)
  elif [ "${missing[*]}" = mosquitto ] && unpack_mosquitto; then
    echo "Mosquitto is not installed; Debian's package was unpacked into build/mosquitto"
    exit 0
  else
    echo "Missing system packages. Please run:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi

echo "Installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if compgen -G "${PACKAGES_FROM:-/nowhere}/*.deb" >/dev/null; then
  "${as_root[@]}" apt-get install --yes --quiet=2 --no-install-recommends "$(realpath "$PACKAGES_FROM")"/*.deb >/dev/null
  exit 0
fi
"${as_root[@]}" apt-get update --quiet=2
"${as_root[@]}" apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
