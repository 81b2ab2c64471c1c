# shellcheck shell=bash
# Sourced: apt for another architecture from this machine's own sources, without root and without changing the machine.

# foreign_apt ARCHITECTURE FOLDER: writes FOLDER/apt.conf, from then on used by every apt command, and reads the lists.
foreign_apt() {
  local place
  place=$(realpath -m "$2")
  mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
  : > "$place/status"
  cat > "$place/apt.conf" <<CONF
Dir::State "$place";
Dir::State::lists "$place/lists";
Dir::State::status "$place/status";
Dir::Cache "$place/cache";
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  export APT_CONFIG="$place/apt.conf"
  apt-get update --quiet=2 || {
    echo "apt-get update failed for $1; expected apt sources that have $1 (Debian 12 or 13)" >&2
    return 1
  }
}

# known NAME[|NAME…]: prints the first that the lists have. Debian 13 renamed libraries to NAMEt64.
known() {
  local name
  for name in ${1//|/ }; do
    # To "show", a name that others only provide is known, too; it cannot be downloaded.
    if apt-cache policy "$name" 2>/dev/null | grep '^ *Candidate: [^(]' >/dev/null; then
      echo "$name"
      return 0
    fi
  done
  echo "no package ${1//|/ or } for this architecture; expected Debian 12 or 13" >&2
  return 1
}

# fetch_into FOLDER NAME[|NAME…]…: unpacks the packages there, without running any of their scripts.
fetch_into() {
  local root=$1 name names=() debs
  shift
  for name in "$@"; do
    name=$(known "$name") || return 1
    names+=("$name")
  done
  debs=$(mktemp -d)
  (cd "$debs" && apt-get download --quiet=2 "${names[@]}") || { rm -rf "$debs"; return 1; }
  for name in "$debs"/*.deb; do
    dpkg-deb --extract "$name" "$root" || { rm -rf "$debs"; return 1; }
  done
  rm -rf "$debs"
}
