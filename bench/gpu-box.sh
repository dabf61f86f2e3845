#!/bin/sh
# The bench on a machine that reaches no network; what it needs lies beside this file. Arguments go to the bench.
set -e
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$EDGE_RUNNER_BROWSER" ] && [ -e "$here/browser/program" ]; then
  EDGE_RUNNER_BROWSER="$here/browser/$(cat "$here/browser/program")"
  export LD_LIBRARY_PATH="$here/browser/libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
export EDGE_RUNNER_BROWSER
# NVIDIA's driver in a container does not stand where the Vulkan loader looks.
nvidia=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "$VK_DRIVER_FILES" ] && [ -e "$nvidia" ] && [ ! -e /usr/share/vulkan/icd.d/nvidia_icd.json ]; then
  export VK_DRIVER_FILES="$nvidia"
fi
[ -e "$here/models" ] && export EDGE_RUNNER_MODELS="${EDGE_RUNNER_MODELS:-$here/models}"
[ -e "$here/testdata" ] && export EDGE_RUNNER_TESTDATA="${EDGE_RUNNER_TESTDATA:-$here/testdata}"
cd "$here/app"
"$here/node" bin/edge-runner.mjs doctor || true
exec "$here/node" dist/node/bench.js --report "$here/report" "$@"
