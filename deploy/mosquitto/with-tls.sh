#!/usr/bin/env bash
# Prints one configuration for devices of a network: mosquitto.conf with the listener of tls.conf in place of its own.
# Usage: with-tls.sh > /etc/mosquitto/conf.d/edge.conf
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# Debian's own mosquitto.conf, which reads conf.d, says where persistent data goes, and may say it only once.
sed -e '/^listener /d' -e '/^allow_anonymous /d' -e '/^persistence_location /d' "$here/mosquitto.conf"
cat "$here/tls.conf"
