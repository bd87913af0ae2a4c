// Makes JavaScript and core modules of the components, in component/. The components themselves stay as they are.
//
// The plugin is PLUGIN_WASM=FILE, the checks of a host CONFORMANCE_WASM=FILE; else what `cargo build` made in this workspace.
// Without the checks everything but their test works.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { transpile } from '@bytecodealliance/jco';

import { toGet } from './src/component.js';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', '..', 'target');
const into = join(here, 'component');

/** What this host offers; src/imports/ has a file for each that has functions. */
const OFFERED = ['auth-context', 'exporters', 'log', 'mailer', 'manual-runs', 'schedule-store', 'types'];

/** The component of this name that a build script of this workspace made last: the plugin's is of the host crate, the checks' of a crate of their own. */
function built(name) {
  const found = ['debug', 'release'].flatMap((profile) => {
    const builds = join(target, profile, 'build');
    const folders = existsSync(builds) ? readdirSync(builds) : [];
    return folders
      .filter((folder) => /^(scheduled-exports-host|conformance-component)-/.test(folder))
      .map((folder) => join(builds, folder, 'out', `${name}.wasm`));
  });
  const age = (file) => -statSync(file).mtimeMs;
  // Empty where the build had no wasm target.
  return found.filter((file) => existsSync(file) && statSync(file).size > 0).sort((a, b) => age(a) - age(b))[0];
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/**
 * Where Node has no `WebAssembly.promising`, jco's code finds that out by an error, once a function, and an error in a function of
 * that length costs some milliseconds: an instance would take 40 of them and not one.
 */
function knowing(javascript) {
  return javascript.replaceAll('WebAssembly.promising(', '(WebAssembly.promising ?? ((one) => one))(');
}

async function transpiled(name, file) {
  const { files, imports } = await transpile(readFileSync(file), {
    name,
    // The core modules are compiled once, and instantiated for every call.
    instantiation: 'sync',
    nodejsCompat: false,
    wasiShim: false,
  });
  const foreign = imports.find((one) => !OFFERED.some((offered) => one === `ticketing:scheduled-exports/${offered}`));
  if (foreign !== undefined) {
    fail(`The component imports \`${foreign}\`, which this host does not provide.`);
  }
  const folder = join(into, name);
  for (const [place, bytes] of Object.entries(files)) {
    const path = join(folder, place);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, place.endsWith('.js') ? knowing(Buffer.from(bytes).toString()) : bytes);
  }
  console.log(`${relative(process.cwd(), file)} is ready in ${relative(process.cwd(), folder)}/`);
}

rmSync(into, { recursive: true, force: true });
for (const name of ['plugin', 'conformance']) {
  const given = process.env[`${name.toUpperCase()}_WASM`];
  const file = given ?? built(name);
  if (file !== undefined && existsSync(file)) {
    await transpiled(name, file);
  } else if (name === 'plugin' || given !== undefined) {
    fail(`There is no component \`${name}\`${given ? ` at ${given}` : ''}: ${toGet(name)}.`);
  }
}
