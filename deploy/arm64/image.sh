#!/usr/bin/env bash
# Makes build/arm64/image: a Debian arm64 system that deploy/provision/install.sh has turned into a line device, as a
# read-only root file system, with the kernel and an initramfs to boot it in qemu. Needs root. Does nothing when it is
# there and its inputs have not changed. tests/system/arm64/boot.py boots it.
# Usage: image.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/arm64/apt.sh
. deploy/arm64/apt.sh
# shellcheck source=deploy/arm64/wheels.sh
. deploy/arm64/wheels.sh

place=build/arm64
image=$place/image
modules="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover net_failover \
virtio_net virtio-rng overlay"
packages=systemd,systemd-sysv,udev,dbus,kmod,python3,python3-venv,openssl,libgl1,libglib2.0-0,libxcb1

die() { echo "image.sh: $*" >&2; exit 1; }

check() {
  [ "$(id -u)" -eq 0 ] || die "must be run by root: sudo $0"
  local program
  for program in mmdebstrap arch-test mkfs.ext4 cpio zstd; do
    command -v "$program" > /dev/null || die "$program is missing; apt-get install --no-install-recommends" \
      "mmdebstrap arch-test e2fsprogs cpio zstd qemu-user-static"
  done
}

# Debian's scripts are to run in the new system: the kernel must know who runs arm64 programs. It forgets it afterwards,
# unless it knew before.
emulated() {
  local known=/proc/sys/fs/binfmt_misc/qemu-aarch64
  [ -e /proc/sys/fs/binfmt_misc/status ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  [ ! -e "$known" ] || return 0
  [ -f /usr/lib/binfmt.d/qemu-aarch64.conf ] || die "qemu-user-static is missing; apt-get install it"
  cat /usr/lib/binfmt.d/qemu-aarch64.conf > /proc/sys/fs/binfmt_misc/register
  trap 'echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64' EXIT
}

# The system before anything of ours is in it: slow to make, so it is kept.
base() {
  local codename sources
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  for sources in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list ""; do [ ! -s "$sources" ] || break; done
  [ -n "$sources" ] || die "no apt sources found; expected /etc/apt/sources.list or sources.list.d/debian.sources"
  [ "$(cat "$place/base.inputs" 2> /dev/null)" != "$packages $codename" ] || return 0
  echo "Making Debian $codename for arm64 (its own scripts run in the emulator: some minutes) …" >&2
  mmdebstrap --quiet --mode=root --architectures=arm64 --variant=minbase --include="$packages" \
    --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$codename" "$place/base.tar" "$sources"
  echo "$packages $codename" > "$place/base.inputs"
}

# Debian's cloud kernel. The few modules that it needs here (ext4 is built in) are loaded in the initramfs.
kernel() {
  local out=$1 name module
  name=$(apt-cache depends linux-image-cloud-arm64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -1)
  rm -rf "$place/kernel" && mkdir -p "$place/kernel"
  fetch_into "$place/kernel" "$name" "busybox-static"
  mv "$place"/kernel/boot/vmlinuz-* "$out/vmlinuz"
  rm -rf "$place/initramfs" && mkdir -p "$place"/initramfs/{bin,proc,sys,dev,new,low,high}
  cp "$place/kernel/bin/busybox" "$place/initramfs/bin/busybox"
  for module in $modules; do find "$place/kernel/lib/modules" -name "$module.ko" -exec cp {} "$place/initramfs/" \;; done
  first_program > "$place/initramfs/init"
  chmod +x "$place/initramfs/init"
  (cd "$place/initramfs" && find . | cpio --quiet -o -H newc | zstd -q -3) > "$out/initramfs"
}

# The root file system is read-only, as on a device that is switched off at the wall: what is written to it is in
# memory. What must stay is on the second disk.
first_program() {
  cat << INIT
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $modules; do [ ! -e /\$module.ko ] || /bin/busybox insmod /\$module.ko; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 -o ro /dev/vda /low
/bin/busybox mount -t tmpfs -o mode=755 tmpfs /high
/bin/busybox mkdir /high/upper /high/work
/bin/busybox mount -t overlay -o lowerdir=/low,upperdir=/high/upper,workdir=/high/work overlay /new
/bin/busybox mount --move /dev /new/dev
/bin/busybox mount --move /proc /new/proc
/bin/busybox mount --move /sys /new/sys
exec /bin/busybox switch_root /new /sbin/init
INIT
}

# A wired network with DHCP, and a root shell on the serial console: this image is for looking at.
surroundings() {
  local root=$1
  printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' > "$root/etc/systemd/network/wired.network"
  echo line-1 > "$root/etc/hostname"
  tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
  ln -sf /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service"
  ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyAMA0.service"
  cat > "$root/etc/systemd/system/console.service" << 'UNIT'
[Unit]
Description=A root shell on the serial console
[Service]
ExecStart=/bin/sh
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/ttyAMA0
Environment=PS1= TERM=dumb
ExecStartPre=/bin/stty -F /dev/ttyAMA0 -echo
# A shell at a terminal pays no heed to SIGTERM, and a power-off would wait a minute and a half for it.
SendSIGHUP=yes
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p "$root/etc/systemd/system/edge.service.d"
  cat > "$root/etc/systemd/system/edge.service.d/emulator.conf" << 'UNIT'
# The emulator is a hundred times slower than a device. Nothing else differs from what is shipped.
[Service]
TimeoutStartSec=30min
UNIT
  systemctl --root="$root" --quiet enable console.service systemd-networkd.service
}

# The shipped installer, in the new system and without a network.
provision() {
  local root=$1 python
  python=$(basename "$(readlink "$root/usr/bin/python3")")
  mkdir -p "$root/mnt/deploy" "$root/mnt/wheels"
  cp -r deploy/provision deploy/systemd deploy/setup "$root/mnt/deploy/"
  wheelhouse "$root/mnt/wheels" "${python#python}" --extra signing
  # The byte code is made below, not in the emulator.
  PIP_NO_COMPILE=1 chroot "$root" /mnt/deploy/provision/install.sh --wheels /mnt/wheels --state /dev/vdb --no-start
  # Second opinion: what it made, it finds in order.
  chroot "$root" /mnt/deploy/provision/install.sh --wheels /mnt/wheels --state /dev/vdb --no-start | grep -qx 'nothing to change'
  compile "${python#python}" "$root/opt/edge/releases"
  rm -rf "${root:?}"/mnt/*
}

disk() {
  local root=$1 megabytes
  megabytes=$(du --summarize --block-size=1M "$root" | cut -f 1)
  mkfs.ext4 -q -F -L edge-root -d "$root" "$2" "$((megabytes * 5 / 4 + 64))M"
}

inputs() {
  { cat deploy/arm64/*.{sh,py} pyproject.toml; find edge converter deploy/provision deploy/systemd deploy/setup -type f \
    -not -name '*.pyc' -not -name '*.md' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum
}

check
mkdir -p "$place"
exec 9> "$place/image.lock"
flock 9
inputs=$(inputs)
[ "$(cat "$image/inputs" 2> /dev/null)" != "$inputs" ] || exit 0
export QEMU_CPU=cortex-a72
emulated
base
echo "Making $image …" >&2
root=$place/root
rm -rf "$root" "$image.new"
mkdir -p "$root" "$image.new"
tar --extract --file "$place/base.tar" --directory "$root" --numeric-owner --exclude './dev/*'
foreign_apt arm64 "$place/image.apt"
kernel "$image.new"
unset APT_CONFIG
surroundings "$root"
provision "$root"
cp "$root/etc/passwd" "$image.new/passwd"
disk "$root" "$image.new/root.img"
echo "$inputs" > "$image.new/inputs"
rm -rf "$image" "$root"
mv "$image.new" "$image"
