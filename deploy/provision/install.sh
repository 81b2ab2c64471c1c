#!/usr/bin/env bash
# Turns Raspberry Pi OS or Debian into a line device. Run it again as often as you like: it changes only what differs.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: install.sh [options]

  --wheels DIR     take Python packages from this folder (and .deb files, if there are any), and nothing from a network
  --sdk FILE       the SDK's wheel or source distribution; by default the newest edgeline-* in --wheels
  --extras LIST    extras of the SDK to install, "signing,gpio" (default: signing)
  --config FILE    becomes /etc/edge/edge.toml, unless there is one
  --model FILE     becomes /etc/edge/factory.tflite, unless there is one: what runs until a better one is sent
  --trust FILE     the public key that models sent later must be signed with (edge keys new makes it)
  --state DEVICE   the partition for /var/lib/edge, such as /dev/disk/by-label/edge-state
  --root DIR       work on this root folder, such as a mounted SD card; the rest is done at its first boot
  --no-start       do not (re)start the daemon
  --dry-run        say what would be changed
  --uninstall      remove all but the configuration, the secrets and the state

Example: sudo deploy/provision/install.sh --wheels wheels/ --config edge.toml
USAGE
}

here=$(cd "$(dirname "$0")" && pwd)
deploy=$(dirname "$here")
units=/etc/systemd/system
# Debian's own: a Python in somebody's home is out of the service's sight.
python=/usr/bin/python3
wheels="" sdk="" extras=signing config="" model="" trust="" state_device="" root="" start=yes dry="" uninstall="" changes=0

die() { echo "install.sh: $*" >&2; exit 1; }

options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --wheels | --sdk | --extras | --config | --model | --trust | --state | --root)
        [ -n "${2:-}" ] || die "$1: a value is missing" ;;&
      --wheels) wheels=$2; shift ;;
      --sdk) sdk=$2; shift ;;
      --extras) extras=$2; shift ;;
      --config) config=$2; shift ;;
      --model) model=$2; shift ;;
      --trust) trust=$2; shift ;;
      --state) state_device=$2; shift ;;
      --root) root=${2%/}; shift ;;
      --no-start) start="" ;;
      --dry-run) dry=yes ;;
      --uninstall) uninstall=yes ;;
      --help) usage; exit 0 ;;
      *) usage >&2; echo "install.sh: unknown option $1" >&2; exit 2 ;;
    esac
    shift
  done
}

check() {
  [ "$(id -u)" -eq 0 ] || die "must be run by root: sudo $0"
  [ -e "$root/etc/debian_version" ] || die "${root:-/}: not a Debian system; expected Raspberry Pi OS or Debian"
  [ -z "$wheels" ] || [ -d "$wheels" ] || die "--wheels $wheels: no such folder"
  local name
  for name in sdk config model trust; do
    [ -z "${!name}" ] || [ -f "${!name}" ] || die "--$name ${!name}: no such file"
  done
  if [ -z "$sdk" ] && [ -n "$wheels" ]; then
    sdk=$(find "$wheels" -maxdepth 1 -name 'edgeline-*' | sort --version-sort | tail -n 1)
  fi
  [ -n "$sdk" ] || die "no SDK to install; expected --sdk FILE, or edgeline-*.whl in --wheels DIR"
}

# Says what it does, counts it, and does it unless this is a rehearsal.
change() {
  changes=$((changes + 1))
  echo "  $1"
  shift
  [ -n "$dry" ] || "$@"
}

# A power cut leaves the old file or the new one.
write() {
  mkdir -p "$(dirname "$2")"
  install -m "$3" "$1" "$2.new"
  sync "$2.new"
  mv -T "$2.new" "$2"
}

put() {
  local target=$root$2
  if cmp -s "$1" "$target" && [ "$(stat -c %a "$target")" = "$3" ]; then return; fi
  change "write $2" write "$1" "$target" "$3"
}

folder() {
  local path=$root$1 owner=$3
  if [ "$owner" = edge ]; then owner=$(awk -F: '$1 == "edge" { print $3 ":" $4 }' "$root/etc/passwd"); fi
  if [ -d "$path" ] && [ "$(stat -c '%a %u:%g' "$path")" = "$2 $owner" ]; then return; fi
  change "folder $1, mode $2" make_folder "$path" "$2" "$owner"
}

make_folder() {
  mkdir -p "$1"
  chown "$3" "$1"
  chmod "$2" "$1"
}

packages() {
  if [ -z "$root" ] && [ -z "$dry" ]; then PACKAGES_FROM=$wheels bash "$deploy/setup/packages.sh" device; fi
}

accounts() {
  put "$deploy/systemd/edge.sysusers" /etc/sysusers.d/edge.conf 644
  local group
  for group in video dialout gpio; do
    if ! grep -qE "^$group:.*[:,]edge(,|$)" "$root/etc/group"; then
      change "user edge in the groups video, dialout and gpio" \
        make_accounts
      return
    fi
  done
}

make_accounts() {
  local said
  said=$(systemd-sysusers --root="$root/" "$root/etc/sysusers.d/edge.conf" 2>&1) || die "systemd-sysusers: $said"
}

files() {
  local name
  for name in edge.service edge-again.service; do put "$deploy/systemd/$name" "$units/$name" 644; done
  put "$here/enroll.sh" /usr/local/sbin/edge-enroll 755
  put "$here/edge.sh" /usr/local/bin/edge 755
  put "$deploy/systemd/70-edge.rules" /etc/udev/rules.d/70-edge.rules 644
  put "$deploy/systemd/edge.modules" /etc/modules-load.d/edge.conf 644
  put "$deploy/systemd/journald.conf" /etc/systemd/journald.conf.d/edge.conf 644
  put "$deploy/systemd/watchdog.conf" /etc/systemd/system.conf.d/edge-watchdog.conf 644
  folder /etc/credstore 700 0:0
  folder /etc/edge 755 0:0
  folder /var/lib/edge 750 edge
  put_once "$config" /etc/edge/edge.toml
  put_once "$model" /etc/edge/factory.tflite
  [ -z "$trust" ] || put "$trust" /etc/edge/trusted.pub 644
}

put_once() {
  if [ -n "$1" ] && [ ! -e "$root$2" ]; then put "$1" "$2" 644; fi
}

# Models that come later must be signed with this key.
trusted_key() {
  local file=/etc/edge/trusted.pub id
  [ -f "$file" ] && [ -f /etc/edge/edge.toml ] || return 0
  id=$(openssl pkey -pubin -in "$file" -outform DER 2> /dev/null | tail -c 32 | sha256sum | cut -c 1-16)
  if ! grep -qs "$id" /var/lib/edge/trust/trust.json; then
    change "trust models signed with key $id" runuser -u edge -- /opt/edge/venv/bin/edge keys trust "$file" -c /etc/edge/edge.toml
  fi
}

state_partition() {
  [ -n "$state_device" ] || return 0
  local unit
  unit=$(mktemp)
  sed "s|@DEVICE@|$state_device|" "$here/var-lib-edge.mount" > "$unit"
  put "$unit" "$units/var-lib-edge.mount" 644
  rm -f "$unit"
}

# A Raspberry Pi's firmware hands the watchdog to the kernel when it is told to.
firmware() {
  local file
  for file in "$root/boot/firmware/config.txt" "$root/boot/config.txt"; do
    [ -f "$file" ] || continue
    grep -q '^dtparam=watchdog=on' "$file" || change "dtparam=watchdog=on in ${file#"$root"}" switch_watchdog_on "$file"
    return 0
  done
}

switch_watchdog_on() {
  { cat "$1"; printf '\n[all]\ndtparam=watchdog=on\n'; } > "$1.new"
  sync "$1.new"
  mv -T "$1.new" "$1"
}

# Each version stands in a folder of its own; the link is switched when it is complete.
software() {
  local release
  release=$({ sha256sum < "$sdk"; "$python" -V; echo "$extras"; } | sha256sum | cut -c 1-12)
  if [ "$(readlink /opt/edge/venv)" != "releases/$release" ]; then
    change "install $(basename "$sdk") into /opt/edge/releases/$release" install_release "$release"
  fi
}

install_release() {
  local place=/opt/edge/releases/$1 from=()
  [ -z "$wheels" ] || from=(--no-index --find-links "$wheels")
  rm -rf "$place"
  mkdir -p /opt/edge/releases
  "$python" -m venv "$place"
  "$place/bin/python" -m pip --disable-pip-version-check --quiet install "${from[@]}" \
    "edgeline[$extras] @ file://$(realpath "$sdk")" || { rm -rf "$place"; die "pip could not install $sdk; see above"; }
  "$place/bin/edge" --help > /dev/null
  sync -f "$place"
  ln -sfn "releases/$1" /opt/edge/venv.new
  mv -T /opt/edge/venv.new /opt/edge/venv
  sync -f /opt/edge
  # Those before stay no longer than one more update: the way back.
  find /opt/edge/releases -mindepth 1 -maxdepth 1 -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d ' ' -f 2- |
    xargs --no-run-if-empty rm -rf
}

# Everything that the first boot needs, without a network. It is put together from links, so that a card that has it
# already is only read.
source_for_first_boot() {
  local wanted=$root/opt/edge/source links
  links=$(mktemp -d)
  mkdir "$links/wheels"
  cp -rs "$deploy/provision" "$deploy/systemd" "$deploy/setup" "$links/"
  if [ -n "$wheels" ]; then cp -s "$(realpath "$wheels")"/* "$links/wheels/"; fi
  ln -sf "$(realpath "$sdk")" "$links/wheels/"
  if ! diff -rq "$links" "$wanted" > /dev/null 2>&1; then
    change "software for the first boot in /opt/edge/source" copy_source "$links" "$wanted"
  fi
  rm -rf "$links"
}

copy_source() {
  rm -rf "$2.new"
  mkdir -p "$(dirname "$2")"
  cp -rL "$1" "$2.new"
  chmod 755 "$2.new"
  sync -f "$2.new"
  rm -rf "$2"
  mv -T "$2.new" "$2"
  sync -f "$(dirname "$2")"
}

enabled() {
  local unit=$1
  [ -L "$root$units/multi-user.target.wants/$unit" ] || change "enable $unit" systemctl --root="$root/" --quiet enable "$unit"
}

running() { [ -z "$root" ] && [ -d /run/systemd/system ] && [ -z "$dry" ]; }

take_effect() {
  running || return 0
  systemctl daemon-reexec
  if [ -S /run/udev/control ]; then
    udevadm control --reload
    udevadm trigger --subsystem-match=video4linux --subsystem-match=tty
  fi
  systemctl try-restart systemd-journald
  if [ -n "$start" ]; then systemctl restart --no-block edge.service; fi
}

provision() {
  accounts
  files
  state_partition
  firmware
  if [ -n "$root" ]; then
    put "$here/edge-first-boot.service" "$units/edge-first-boot.service" 644
    source_for_first_boot
    enabled edge-first-boot.service
  else
    software
    trusted_key
  fi
  enabled edge.service
  if [ -n "$state_device" ]; then enabled var-lib-edge.mount; fi
}

remove() {
  local file
  if running; then systemctl disable --now --quiet edge.service edge-again.service 2> /dev/null || true; fi
  for file in "$units"/{edge.service,edge-again.service,edge-first-boot.service,multi-user.target.wants/edge.service} \
    "$units/multi-user.target.wants/edge-first-boot.service" /etc/udev/rules.d/70-edge.rules /usr/local/sbin/edge-enroll /usr/local/bin/edge \
    /etc/sysusers.d/edge.conf /etc/modules-load.d/edge.conf /etc/systemd/journald.conf.d/edge.conf /etc/systemd/system.conf.d/edge-watchdog.conf /opt/edge; do
    if [ -e "$root$file" ] || [ -L "$root$file" ]; then change "remove $file" rm -rf "$root$file"; fi
  done
  start=""
}

options "$@"
if [ -n "$uninstall" ]; then
  [ "$(id -u)" -eq 0 ] || die "must be run by root: sudo $0"
  remove
else
  check
  packages
  provision
fi
if [ "$changes" -eq 0 ]; then echo "nothing to change"; exit 0; fi
take_effect
if [ -z "$config$uninstall" ] && [ ! -e "$root/etc/edge/edge.toml" ]; then
  echo "next: write $root/etc/edge/edge.toml; the daemon waits for it"
fi
if [ -n "$dry" ]; then echo "$changes changes would be made"; else echo "$changes changes made"; fi
