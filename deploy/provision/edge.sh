#!/bin/sh
# The edge command of a line device, as the user whose state it is: installed as /usr/local/bin/edge.
program=/opt/edge/venv/bin/edge
case "$(id -un)" in
  edge) exec "$program" "$@" ;;
  root) exec runuser -u edge -- "$program" "$@" ;;
  *) exec sudo -n -u edge "$program" "$@" ;;
esac
