#!/bin/sh
# Builds .venv from requirements.lock, with uv, and leaves .venv/bin/deepsentry. Does nothing when that is done.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.deepsentry-lock
if [ -x .venv/bin/deepsentry ] && cmp -s requirements.lock "$stamp"; then
    exit 0
fi
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    [ -x .tools/bin/uv ] || python3 -m pip install --quiet --disable-pip-version-check --target .tools uv
    uv=.tools/bin/uv
fi
[ -x .venv/bin/python ] || "$uv" venv --quiet --python ">=3.11" .venv
"$uv" pip sync --quiet --require-hashes --python .venv requirements.lock
"$uv" pip install --quiet --no-deps --no-build-isolation --python .venv --editable .
cp requirements.lock "$stamp"
