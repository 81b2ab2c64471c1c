#!/usr/bin/env bash
# Puts certificates and keys where compose.yaml expects them, each readable by the one service that uses it; makes the
# token that people log in to the pages with, once.
# Usage: sudo secrets.sh CA_DIR [OUT], after ca.sh init, broker and client monitor; again after each renewal or revocation.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ca=${1:-} out=${2:-$here/secrets}
[ -n "$ca" ] || { echo "usage: secrets.sh CA_DIR [OUT]" >&2; exit 2; }
for file in ca.pem crl.pem certs/broker.pem keys/broker.key certs/monitor.pem keys/monitor.key; do
  [ -f "$ca/$file" ] || { echo "secrets.sh: $ca/$file: not there; make it with: ca.sh init, broker, client monitor" >&2; exit 1; }
done
# The users of the images, see Containerfile.
broker=1883 monitor=1884
install -d -m 755 "$out"
install -m 444 "$ca/ca.pem" "$ca/crl.pem" "$ca/certs/broker.pem" "$ca/certs/monitor.pem" "$out"
install -m 400 -o "$broker" "$ca/keys/broker.key" "$out"
install -m 400 -o "$monitor" "$ca/keys/monitor.key" "$out"
if [ ! -f "$out/web-token" ]; then
  umask 077
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$out/web-token"
  chown "$monitor" "$out/web-token"
fi
