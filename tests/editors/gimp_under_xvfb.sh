#!/bin/bash
# INSIDE a GIMP tree: a virtual screen (Xvfb picks a free display), a window manager, a session bus, GIMP; its exit
# status. The arguments go to GIMP. GIMP_LOG: where its output goes. GIMP_TIMEOUT: seconds (500).
T=$(mktemp -d); mkfifo "$T/fd"; exec 9<>"$T/fd"
Xvfb -displayfd 9 -screen 0 1600x1000x24 -nolisten tcp >"$T/xvfb.log" 2>&1 & XP=$!
read -t 20 -u 9 n || { echo "Xvfb did not start"; cat "$T/xvfb.log"; exit 1; }
export DISPLAY=:$n NO_AT_BRIDGE=1
openbox >/dev/null 2>&1 & OP=$!
timeout -k 5 "${GIMP_TIMEOUT:-500}" dbus-run-session -- gimp -n --no-splash "$@" </dev/null >"${GIMP_LOG:-/dev/null}" 2>&1
rc=$?
kill "$OP" "$XP"; rm -rf "$T"
exit $rc
