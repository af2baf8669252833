#!/bin/sh
# Only the server gets the shim, and only when a fault is asked for: a clean run has nothing of ours in it.
if [ -n "${CROSSTALK_FAULT:-}" ]; then
  exec env LD_PRELOAD=/opt/crosstalk/libcrosstalk-faults.so llama-server "$@"
fi
exec llama-server "$@"
