#!/usr/bin/env bash
# Makes build/arm64/sysroot: Debian's arm64 libraries and Python, the device's aarch64 wheels, and a few files by which
# it looks like a Raspberry Pi 4. Does nothing when it is there and its inputs have not changed. Needs no root.
# Usage: sysroot.sh [--all]
# --all: also what only `make test-arm64` imports (scipy, pyarrow, the monitor's web server), which is 300 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/arm64/apt.sh
. deploy/arm64/apt.sh
# shellcheck source=deploy/arm64/wheels.sh
. deploy/arm64/wheels.sh

place=build/arm64
root=$place/sysroot
# Named one by one: what Debian's own dependencies bring along (Mesa, LLVM) would be 285 MB instead of 83.
libraries=(libc6 libgcc-s1 libstdc++6 libgomp1 zlib1g libexpat1 "libssl3|libssl3t64" libzstd1 libffi8 libbz2-1.0 liblzma5
           libsqlite3-0 libuuid1 libncursesw6 libtinfo6 "libreadline8|libreadline8t64" libcrypt1 "libdb5.3|libdb5.3t64"
           libnsl2 "libtirpc3|libtirpc3t64")
opencv=(libgl1 libglvnd0 libglx0 libx11-6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0 "libglib2.0-0|libglib2.0-0t64"
        libpcre2-8-0 libatomic1)
tests=(--only=pytest --only=pytest-timeout --only=hypothesis)
everything=(--extra monitor --only=jsonschema --only=scipy --only=pyarrow --only=gpiozero --only=pymodbus --only=cobs
            --only=prometheus_client)
case "$*" in
  "") ;;
  --all) tests+=("${everything[@]}") ;;
  *) echo "usage: sysroot.sh [--all]" >&2; exit 2 ;;
esac

qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || {
  echo "qemu-aarch64-static is not installed; run: apt-get install --no-install-recommends qemu-user-static" >&2
  exit 1
}

inputs() {
  { cat deploy/arm64/{apt,wheels,sysroot}.sh deploy/arm64/requirements.py /etc/debian_version; echo "$qemu"
    sed -n '/^dependencies/,/^\[project.scripts/p' pyproject.toml; } 2>/dev/null | sha256sum
}

# The kernel's view of a Pi: the emulator looks up absolute paths in the sysroot first. Without the processor's features
# in /proc/cpuinfo ai-edge-litert crashes while it opens a model.
raspberry_pi() {
  local core
  mkdir -p "$1"/proc/device-tree "$1"/sys/class/thermal/thermal_zone0 "$1/sys/devices/platform/soc/soc:firmware"
  for core in 0 1 2 3; do
    printf 'processor\t: %s\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n' $core
    printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n'
  done > "$1/proc/cpuinfo"
  printf 'Hardware\t: BCM2835\nRevision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n' >> "$1/proc/cpuinfo"
  printf 'Raspberry Pi 4 Model B Rev 1.4\0' > "$1/proc/device-tree/model"
  echo 0 > "$1/sys/devices/platform/soc/soc:firmware/get_throttled"
  echo 48312 > "$1/sys/class/thermal/thermal_zone0/temp"
}

# python3 is a script of this machine, so that child processes are emulated, too, whether or not the kernel runs
# foreign programs by itself (binfmt_misc, which only root can set up). cortex-a72 is a Pi 4's; with the emulator's own
# choice, qemu 7.2 computes wrong int8 results without a word.
launcher() {
  cat > "$1/usr/bin/python3" <<SCRIPT
#!/bin/sh
root=\${0%/usr/bin/python3}
exec $qemu -cpu "\${QEMU_CPU:-cortex-a72}" -L "\$root" -0 "\$0" "\$root/usr/bin/python$2" "\$@"
SCRIPT
  chmod +x "$1/usr/bin/python3"
}

mkdir -p "$place"
exec 9> "$place/lock"
flock 9
inputs=$(inputs)
[ "$(cat "$root/.inputs" 2>/dev/null)" = "$inputs" ] && { [ "$*" = "" ] || [ -e "$root/.all" ]; } && exit 0

echo "Making $root from Debian's arm64 packages and aarch64 wheels …" >&2
new=$place/sysroot.new
rm -rf "$new"
mkdir -p "$new"
foreign_apt arm64 "$place/apt"
python=$(apt-cache depends python3 | sed -n 's/^ *Depends: python\(3\.[0-9]*\)$/\1/p' | head -1)
[ -n "$python" ] || { echo "the arm64 lists have no python3; expected Debian 12 or 13" >&2; exit 1; }
fetch_into "$new" "${libraries[@]}" "${opencv[@]}" "python$python-minimal" "libpython$python-minimal" \
  "libpython$python-stdlib"
# What Debian still keeps beside /usr belongs into it; and nothing of this machine's /etc may be hidden by the sysroot.
[ ! -d "$new/lib" ] || { cp -a "$new/lib/." "$new/usr/lib/" && rm -rf "${new:?}/lib"; }
ln -s usr/lib "$new/lib"
rm -rf "${new:?}"/{etc,var} "$new"/usr/share/{doc,man,locale}
wheels_into "$new/usr/local/lib/python$python/dist-packages" "$python" --extra signing "${tests[@]}"
compile "$python" "$new/usr/lib/python$python"
raspberry_pi "$new"
launcher "$new" "$python"
"$new/usr/bin/python3" -c 'import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, zlib, cv2, numpy' || {
  echo "$new does not work; remove build/arm64 and try again" >&2
  exit 1
}
[ "$*" = "" ] || touch "$new/.all"
echo "$inputs" > "$new/.inputs"
rm -rf "$root"
mv "$new" "$root"
