#!/usr/bin/env bash
# A small certificate authority for one plant: its broker, its devices, and those who listen and command. OpenSSL only.
set -euo pipefail
umask 077

usage() {
  cat <<'USAGE'
usage: ca.sh COMMAND DIR [...]

  init DIR [PLANT]              a new authority in the folder DIR; keep DIR/ca.key where no network reaches it
  broker DIR NAME...            for the broker; NAMEs are the host names and addresses that it is reached by
  device DIR ID [--csr FILE]    for a device; with a request that enroll.sh made there, its key never leaves it
  client DIR NAME               for monitor or operator, or another user that the ACL knows
  renew DIR NAME [--csr FILE]   a new certificate, for the same key or for that of a new request
  revoke DIR NAME               no longer believed; give DIR/crl.pem to the broker and reload it
  list DIR                      who has one, and for how many days still

  --days N                      validity of what is made (default: 730; the authority's own: 3650)

Certificates are written to DIR/certs/NAME.pem, keys that are made here to DIR/keys/NAME.key.
USAGE
}

die() { echo "ca.sh: $*" >&2; exit 1; }
wrong() { usage >&2; echo "ca.sh: $*" >&2; exit 2; }

days=730 ca_days=3650 csr="" words=()
while [ $# -gt 0 ]; do
  case $1 in
    --days | --csr) [ -n "${2:-}" ] || wrong "$1: a value is missing" ;;&
    --days) days=$2 ca_days=$2; shift ;;
    --csr) csr=$2; shift ;;
    --help | -h) usage; exit 0 ;;
    --*) wrong "unknown option $1" ;;
    *) words+=("$1") ;;
  esac
  shift
done
[[ $days =~ ^[1-9][0-9]{0,4}$ ]] || wrong "--days: expected 1 to 99999, got $days"
[ ${#words[@]} -ge 2 ] || wrong "expected a command and a folder"
command=${words[0]} dir=${words[1]}
rest=("${words[@]:2}")

opened() { [ -f "$dir/ca.key" ] || die "$dir: no authority here; make one with: ca.sh init $dir"; }

# A name becomes a topic level, a user of the ACL and a file name.
check_name() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] ||
    die "$1: expected 1 to 63 letters, digits, dots, dashes or underscores, as in device.id"
}

quiet() { # an OpenSSL command, whose words are shown only when it fails
  local said
  said=$(openssl "$@" 2>&1) || die "openssl $1: $(tail -n 1 <<< "$said")"
}

settings() {
  cat <<CONFIG
[ca]
default_ca = plant
[plant]
dir = .
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
# A list that has run out would shut everybody out, so it lasts as long as the authority; it is made anew with each
# revocation.
default_crl_days = 3650
unique_subject = no
copy_extensions = none
policy = names
[names]
commonName = supplied
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[broker]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = \${ENV::EDGE_NAMES}
# What a device or a client has cannot pass for a broker.
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[req]
distinguished_name = asked
[asked]
CONFIG
}

export EDGE_NAMES=DNS:unused
in_ca() { (cd "$dir" && quiet "$@"); }

init() {
  [ ! -e "$dir/ca.key" ] || die "$dir: there is an authority already; a second one would make its certificates worthless"
  mkdir -p "$dir"/{certs,keys,issued,requests}
  settings > "$dir/openssl.cnf"
  : > "$dir/index.txt"
  openssl rand -hex 16 > "$dir/serial"
  echo 01 > "$dir/crlnumber"
  new_key "$dir/ca.key"
  in_ca req -new -x509 -config openssl.cnf -extensions authority -key ca.key -days "$ca_days" -subj "/CN=${1:-Edge CA}" -out ca.pem
  list_revoked
  chmod 644 "$dir/ca.pem"
  echo "$dir/ca.pem: authority '${1:-Edge CA}'; give this file to the broker, the devices and the monitor"
}

new_key() { quiet genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1"; }

list_revoked() {
  in_ca ca -config openssl.cnf -gencrl -out crl.new
  chmod 644 "$dir/crl.new"
  mv "$dir/crl.new" "$dir/crl.pem"
}

# NAME KIND: a key if there is none, and a certificate of its request.
issue() {
  local name=$1 kind=$2
  check_name "$name"
  [ ! -e "$dir/certs/$name.pem" ] || die "$name has a certificate already; renew or revoke it"
  if [ -n "$csr" ]; then
    take_request "$name"
  else
    new_key "$dir/keys/$name.key"
    in_ca req -new -config openssl.cnf -key "keys/$name.key" -subj "/CN=$name" -out "requests/$name.csr"
  fi
  echo "$kind $EDGE_NAMES" > "$dir/requests/$name.kind"
  sign "$name"
}

take_request() {
  openssl req -in "$csr" -noout -verify > /dev/null 2>&1 || die "$csr: not a certificate request; make one with enroll.sh request"
  cp "$csr" "$dir/requests/$1.csr"
}

renew() {
  existing "$1"
  if [ -n "$csr" ]; then take_request "$1"; fi
  sign "$1"
}

sign() {
  local name=$1 kind
  read -r kind EDGE_NAMES < "$dir/requests/$name.kind"
  in_ca ca -batch -notext -config openssl.cnf -extensions "$kind" -days "$days" -subj "/CN=$name" \
    -in "requests/$name.csr" -out "certs/$name.new"
  chmod 644 "$dir/certs/$name.new"
  mv "$dir/certs/$name.new" "$dir/certs/$name.pem"
  echo "$dir/certs/$name.pem: valid for $days days"
}

broker() {
  [ ${#rest[@]} -ge 1 ] || wrong "broker: expected a host name or an address"
  local name names=()
  for name in "${rest[@]}"; do
    if [[ $name =~ ^[0-9.]+$ || $name == *:* ]]; then names+=("IP:$name"); else names+=("DNS:$name"); fi
  done
  EDGE_NAMES=$(IFS=,; echo "${names[*]}")
  issue broker broker
}

device() {
  case $1 in broker | monitor | operator) die "$1: this name has rights of its own in the ACL; expected a device's id" ;; esac
  issue "$1" client
}

existing() { check_name "$1"; [ -f "$dir/certs/$1.pem" ] || die "$1 has no certificate here; those that have: ca.sh list $dir"; }

# All that the name has that has not run out, also those before a renewal.
revoke() {
  local serial serials
  existing "$1"
  mapfile -t serials < <(awk -F '\t' -v name="/CN=$1" '$1 == "V" && $6 == name { print $4 }' "$dir/index.txt")
  for serial in "${serials[@]}"; do
    in_ca ca -config openssl.cnf -revoke "issued/$serial.pem"
  done
  mv "$dir/certs/$1.pem" "$dir/issued/$1.revoked-$(date +%s).pem"
  list_revoked
  echo "$dir/crl.pem: $1 is revoked; copy this file to the broker and reload it"
}

list() {
  local file ends
  for file in "$dir"/certs/*.pem; do
    [ -e "$file" ] || continue
    ends=$(openssl x509 -in "$file" -noout -enddate | cut -d = -f 2)
    echo "$(basename "$file" .pem) $((($(date -d "$ends" +%s) - $(date +%s) + 43200) / 86400)) days"
  done
}

case $command in
  init) init "${rest[*]}" ;;
  broker) opened; broker ;;
  device | client | renew | revoke)
    opened
    [ ${#rest[@]} -eq 1 ] || wrong "$command: expected one name"
    case $command in
      device) device "${rest[0]}" ;;
      client) issue "${rest[0]}" client ;;
      renew) renew "${rest[0]}" ;;
      revoke) revoke "${rest[0]}" ;;
    esac ;;
  list) opened; list ;;
  *) wrong "unknown command $command" ;;
esac
