#!/usr/bin/env bash
# The description of the HTTP API: is it valid OpenAPI, does a host respond as it says, whatever it is sent, and does a client work that
# is generated from it? Serves the reference fixture on a free port, from a temporary folder.
#
# Needs PyPI. Without it, says so and passes: nothing was checked then.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

tools=${CARGO_TARGET_DIR:-target}/openapi/venv
if ! { [ -x "$tools/bin/schemathesis" ] || python3 -m venv "$tools"; } ||
  ! "$tools/bin/pip" install --quiet --disable-pip-version-check \
    schemathesis==4.32.5 openapi-spec-validator==0.9.0 openapi-python-client==0.29.1; then
  echo "*** WARNING: schemathesis could not be fetched from PyPI: the description of the API was NOT checked." >&2
  exit 0
fi

# Without limits on writes: thousands of requests come from one caller. `cargo run` becomes the harness, so this is its process.
cargo run --quiet -- serve --listen 127.0.0.1:0 --data "$work/data" --fixture tests/data/bigevents.json \
  --writes-per-minute 0 --write-mib-per-day 0 --schedules-per-organizer 0 >"$work/url" 2>"$work/log" &
server=$!
until [ -s "$work/url" ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    cat "$work/log" >&2
    exit 1
  fi
  sleep 0.2
done
url=$(head -n 1 "$work/url")

curl --silent --fail "$url/api/v1/openapi.json" >"$work/openapi.json"
"$tools/bin/openapi-spec-validator" "$work/openapi.json"

"$tools/bin/openapi-python-client" generate --path "$work/openapi.json" --meta none --output-path "$work/scheduled_exports" \
  --config scripts/openapi/client.yml
PYTHONPATH=$work "$tools/bin/python" scripts/openapi/client.py "$url"

# It leaves a folder where it runs.
root=$PWD
tools=$(cd "$tools" && pwd)
(cd "$work" && "$tools/bin/schemathesis" --config-file "$root/scripts/openapi/schemathesis.toml" run "$url/api/v1/openapi.json")
