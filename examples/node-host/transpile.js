// Makes JavaScript and core modules of the component, in component/. The component itself stays as it is.
//
//   node transpile.js [FILE]      or with PLUGIN_WASM=FILE; else what `cargo build` made in this workspace

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { transpile } from '@bytecodealliance/jco';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', '..', 'target');
const into = join(here, 'component');

/** What this host offers; src/imports.js has one function for each. */
const OFFERED = ['auth-context', 'exporters', 'log', 'mailer', 'schedule-store', 'types'];

/** The component that the harness's build script made last. */
function built() {
  const found = ['debug', 'release'].flatMap((profile) => {
    const builds = join(target, profile, 'build');
    const folders = existsSync(builds) ? readdirSync(builds) : [];
    return folders
      .filter((name) => name.startsWith('host-harness-'))
      .map((name) => join(builds, name, 'out', 'plugin.wasm'));
  });
  const age = (file) => -statSync(file).mtimeMs;
  return found.filter((file) => existsSync(file)).sort((a, b) => age(a) - age(b))[0];
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

const file = process.argv[2] ?? process.env.PLUGIN_WASM ?? built();
if (file === undefined || !existsSync(file)) {
  fail(
    `There is no component${file ? ` at ${file}` : ''}: run \`cargo run -- plugin write plugin.wasm\` in the workspace, then PLUGIN_WASM with its path.`,
  );
}

const { files, imports } = await transpile(readFileSync(file), {
  name: 'plugin',
  // The core modules are compiled once, and instantiated for every call.
  instantiation: 'sync',
  nodejsCompat: false,
  wasiShim: false,
});
const foreign = imports.find((name) => !OFFERED.some((one) => name === `ticketing:scheduled-exports/${one}`));
if (foreign !== undefined) {
  fail(`The component asks for \`${foreign}\`, which this host does not offer.`);
}
rmSync(into, { recursive: true, force: true });
for (const [name, bytes] of Object.entries(files)) {
  const path = join(into, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
console.log(`${relative(process.cwd(), file)} is ready in ${relative(process.cwd(), into)}/`);
