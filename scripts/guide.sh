#!/usr/bin/env bash
# Follows docs/host-author.md word by word: runs every command of the page, in its order, in an empty folder, and compares what they
# print with what the page shows.
#
# Needs what the page says, and crates.io. What the tests of this folder have compiled is used again where it fits.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
page=$root/docs/host-author.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

blocks() { # LANGUAGE: the page's blocks in it, one after the other
  awk -v opening="\`\`\`$1" '$0 == "```" { inside = 0 } inside { print } $0 == opening { inside = 1 }' "$page"
}

# The one thing that is not as on the page: this repository is not beside the project but where it is. Under another path, its crates
# and the component would be compiled once more.
blocks sh | sed "s#\.\./scheduled-exports/#$root/#g" >"$work/commands"
blocks text >"$work/shown"
if ! grep -qx "cargo run" "$work/commands" || [ ! -s "$work/shown" ]; then
  echo "$page has no command that runs the host, or does not show what it prints" >&2
  exit 1
fi

# Crates are shared only between builds of one profile: this workspace's. What is a member here is a dependency there, and would get the
# profile of those; only what build scripts need is the same in both. A crate more or less here costs time and no more.
mkdir -p "$work/.cargo" "$work/empty"
{
  cat .cargo/config.toml
  awk '/^\[/ { inside = /^\[profile\.dev/ } inside' Cargo.toml
  for name in $(cargo tree --workspace --depth 0 --prefix none | awk 'NF && $1 != "guest-build" { print $1 }'); do
    printf '[profile.dev.package.%s]\ndebug = "line-tables-only"\n' "$name"
  done
} >"$work/.cargo/config.toml"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}

(cd "$work/empty" && bash -euo pipefail "$work/commands" >"$work/printed")
if ! diff "$work/shown" "$work/printed"; then
  echo "The guide shows (<) something else than its commands print (>)." >&2
  exit 1
fi
echo "The guide's commands end in the mail that it shows."
