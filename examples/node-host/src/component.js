// The component under Node: compiled once, instantiated afresh for every call.

import { existsSync, readFileSync } from 'node:fs';

const folder = new URL('../component/', import.meta.url);
if (!existsSync(new URL('plugin.js', folder))) {
  throw new Error('The component is not transpiled yet: run `npm run transpile`.');
}
const { instantiate } = await import(new URL('plugin.js', folder));

const modules = new Map();
function compiled(name) {
  if (!modules.has(name)) {
    modules.set(name, new WebAssembly.Module(readFileSync(new URL(name, folder))));
  }
  return modules.get(name);
}

/** A fresh instance with these imports: its exports, by interface. After a trap it must not be entered again. */
export function instance(imports) {
  return instantiate(compiled, imports);
}
