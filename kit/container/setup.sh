#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image.
#
# Ubuntu 22.04 brings Python 3.10 and the kit needs 3.11 or later, so uv fetches one: a build that
# is complete in itself, checked against a hash that uv carries, and the same on every base image.
# deadsnakes would serve single releases of Ubuntu only, and drops them when they age.
# Python lies in /autograder: in /root, which only root may enter, students' processes, which get a
# user of their own, could not read it.
set -euo pipefail
umask 022
root=${AUTOGRADER_ROOT:-/autograder}
. "$root/source/settings"

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates python3-venv
python3 -m venv "$root/uv"
"$root/uv/bin/python" -m pip install --quiet "uv==$UV"
UV_PYTHON_INSTALL_DIR="$root/python" "$root/uv/bin/uv" venv --seed --managed-python \
    --python "$PYTHON" "$root/venv"
# The CPU build of torch: 200 MB instead of several GB, and containers have no GPU.
"$root/venv/bin/python" -m pip install --quiet --no-cache-dir \
    --extra-index-url https://download.pytorch.org/whl/cpu \
    --requirement "$root/source/requirements.txt" --constraint "$root/source/constraints.txt"
chmod -R u=rwX,go= "$root/source"

# Better no image than one that takes points from everyone.
cd "$root/source"
if ! "$root/venv/bin/python" -m kit.in_container "$root" --prove; then
    echo "The reference does not earn every point here: see above. Nothing was set up."
    exit 1
fi
