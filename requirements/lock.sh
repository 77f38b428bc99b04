#!/bin/sh
# Re-lock. Needs uv; the machine that installs needs pip alone.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile pyproject.toml "$@" --override requirements/override.txt --universal \
    --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
}
lock --output-file requirements/run.lock
lock --group dev --output-file requirements/dev.lock
