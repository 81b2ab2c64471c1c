#!/usr/bin/env bash
# A device's certificate. The key is made on the device and stays there; only a request leaves it.
set -euo pipefail
umask 077

usage() {
  cat <<'USAGE'
usage: enroll.sh request ID > ID.csr      a new key, and a request to be signed: ca.sh device DIR ID --csr ID.csr
       enroll.sh accept CERT CA           install the answer and the authority's certificate, and restart the daemon
       enroll.sh show                     whose certificate there is, and until when

  --store DIR    where the secrets are (default: /etc/credstore)

A renewal goes the same way: until the new certificate is accepted, the old one stays in force.
USAGE
}

die() { echo "enroll.sh: $*" >&2; exit 1; }
wrong() { usage >&2; echo "enroll.sh: $*" >&2; exit 2; }

store=/etc/credstore words=()
while [ $# -gt 0 ]; do
  case $1 in
    --store) [ -n "${2:-}" ] || wrong "--store: a value is missing"; store=$2; shift ;;
    --help | -h) usage; exit 0 ;;
    --*) wrong "unknown option $1" ;;
    *) words+=("$1") ;;
  esac
  shift
done

request() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] ||
    die "$1: expected 1 to 63 letters, digits, dots, dashes or underscores, the same as device.id in edge.toml"
  mkdir -p "$store"
  if [ ! -s "$store/edge.key.new" ]; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$store/edge.key.making" 2> /dev/null
    replace edge.key.making edge.key.new
  fi
  openssl req -new -key "$store/edge.key.new" -subj "/CN=$1"
}

replace() {
  sync "$store/$1"
  mv -T "$store/$1" "$store/$2"
}

public_of() { openssl "$1" -in "$2" -noout -pubkey 2> /dev/null || openssl "$1" -in "$2" -pubout 2> /dev/null || true; }

accept() {
  local key=$store/edge.key.new wanted
  openssl x509 -in "$1" -noout 2> /dev/null || die "$1: not a certificate in PEM form"
  openssl x509 -in "$2" -noout 2> /dev/null || die "$2: not a certificate in PEM form"
  wanted=$(public_of x509 "$1")
  if [ ! -s "$key" ] || [ "$(public_of pkey "$key")" != "$wanted" ]; then key=$store/edge.key; fi
  if [ ! -s "$key" ] || [ "$(public_of pkey "$key")" != "$wanted" ]; then
    die "$1: not made for this device's key; sign what 'enroll.sh request' prints now"
  fi
  openssl verify -purpose sslclient -CAfile "$2" "$1" > /dev/null 2>&1 ||
    die "$1: not signed by $2, or not valid today ($(openssl x509 -in "$1" -noout -enddate)); is the clock right?"
  install_secret "$2" edge.ca
  install_secret "$1" edge.cert
  if [ "$key" = "$store/edge.key.new" ]; then replace edge.key.new edge.key; fi
  sync -f "$store"
  show
  if [ -d /run/systemd/system ] && [ "$store" = /etc/credstore ]; then systemctl try-restart edge.service; fi
}

install_secret() {
  cp "$1" "$store/$2.making"
  replace "$2.making" "$2"
}

show() {
  [ -s "$store/edge.cert" ] || die "no certificate in $store; begin with: enroll.sh request ID"
  openssl x509 -in "$store/edge.cert" -noout -subject -enddate -nameopt multiline | sed -n 's/ *commonName *= /device /p; s/notAfter=/valid until /p'
}

case ${words[0]:-} in
  request) [ ${#words[@]} -eq 2 ] || wrong "request: expected the device's id"; request "${words[1]}" ;;
  accept) [ ${#words[@]} -eq 3 ] || wrong "accept: expected the certificate and the authority's"; accept "${words[1]}" "${words[2]}" ;;
  show) show ;;
  *) wrong "expected request, accept or show" ;;
esac
