#!/usr/bin/env bash
# Builds the component in two folders with two cargo homes, sharing nothing, and compares the bytes: prints the SHA-256 of both.
# Needs what a build needs: Rust, and crates.io. With a file as argument, that component must be the same as well.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The tool that starts cargo for the guest and wraps what it made; neither folder's build sees this one's target folder.
cargo build --quiet --locked --package guest-build
tool=${CARGO_TARGET_DIR:-target}/debug/guest-build
home=${CARGO_HOME:-$HOME/.cargo}

build() { # FOLDER CARGO_HOME FILE
  mkdir -p "$1" "$2"
  # What a commit of this folder would hold, as it is now.
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ -f "$file" ] && printf '%s\0' "$file"
  done | tar --create --null --files-from=- | tar --extract --directory "$1"
  # Where crates.io is reached another way, the settings say how.
  for settings in config.toml config; do
    if [ -f "$home/$settings" ]; then cp "$home/$settings" "$2/"; fi
  done
  CARGO_HOME=$2 "$tool" component "$1" "$3"
}

build "$work/one" "$work/home" "$work/one.wasm"
build "$work/a/second/and much deeper folder" "$work/another home" "$work/two.wasm"

rustc --version
sha256sum "$work/one.wasm" "$work/two.wasm" ${1:+"$1"} | sed "s|$work/||"
same=$(sha256sum "$work/one.wasm" "$work/two.wasm" ${1:+"$1"} | cut -d ' ' -f 1 | sort -u | wc -l)
if [ "$same" -ne 1 ]; then
  echo "The builds differ: the component is not reproducible." >&2
  exit 1
fi
echo "The same bytes: the component is reproducible."
