// Components under Node: each compiled once, instantiated afresh for every call.

import { existsSync, readFileSync } from 'node:fs';

const FLAGS = { plugin: '', conformance: '--conformance ' };

/** In words, what makes a component be there. */
export const toGet = (name) =>
  `run \`cargo run -- plugin write ${FLAGS[name]}${name}.wasm\` in the workspace, then ${name.toUpperCase()}_WASM=FILE npm test`;

/**
 * The component of this name, as `transpile.js` left it. What it answers makes a fresh instance with these imports: its exports,
 * by interface. After a trap an instance must not be entered again.
 */
export async function load(name) {
  const folder = new URL(`../component/${name}/`, import.meta.url);
  if (!existsSync(folder)) {
    throw new Error(`There is no component \`${name}\` in component/: ${toGet(name)}.`);
  }
  const { instantiate } = await import(new URL(`${name}.js`, folder));
  const modules = new Map();
  const compiled = (file) => {
    if (!modules.has(file)) {
      modules.set(file, new WebAssembly.Module(readFileSync(new URL(file, folder))));
    }
    return modules.get(file);
  };
  return (imports) => instantiate(compiled, imports);
}
