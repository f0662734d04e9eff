// SPDX-License-Identifier: Apache-2.0
// Bundles the page into ../static: hashed assets, index.html, api.html, and the licences of what is inside.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(here, '../static');
const assets = join(out, 'assets');

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 10);

async function copyHashed(path, name, extension) {
  const bytes = await readFile(path);
  const target = `${name}-${hash(bytes)}${extension}`;
  await writeFile(join(assets, target), bytes);
  return target;
}

const modules = join(here, 'node_modules');

// Packages ship bundles with their dependencies inside, so the licences are those of all dependencies, to the last.
async function licences(names) {
  const pending = [...names];
  const texts = new Map();
  while (pending.length) {
    const name = pending.pop();
    if (texts.has(name)) continue;
    const folder = join(modules, name);
    const meta = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    pending.push(...Object.keys(meta.dependencies ?? {}).filter((dependency) => existsSync(join(modules, dependency))));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(join(folder, file), 'utf8') : 'The package has no licence file.';
    texts.set(name, `${meta.name} ${meta.version} (${meta.license})\n${'='.repeat(60)}\n${text.trim()}\n`);
  }
  return [...texts].sort().map(([, text]) => text).join('\n\n');
}

const own = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'));
await rm(out, { recursive: true, force: true });
await mkdir(assets, { recursive: true });

const worker = await copyHashed(
  join(here, 'node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs'), 'map-worker', '.mjs');
const bundled = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.js', api: 'src/api.js' },
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  outdir: assets,
  define: { MAP_WORKER: JSON.stringify(`assets/${worker}`) },
  loader: { '.svg': 'dataurl' },
  logLevel: 'warning',
});

const made = { js: {}, css: {} };
for (const [path, info] of Object.entries(bundled.metafile.outputs)) {
  const name = info.entryPoint ? basename(info.entryPoint, '.js') : null;
  if (name) made.js[name] = `assets/${basename(path)}`;
  if (name && info.cssBundle) made.css[name] = `assets/${basename(info.cssBundle)}`;
}
for (const [page, entry] of [['index.html', 'main'], ['api.html', 'api']]) {
  const html = (await readFile(join(here, page), 'utf8'))
    .replaceAll('%SCRIPT%', made.js[entry])
    .replaceAll('%STYLE%', made.css[entry]);
  await writeFile(join(out, page), html);
}
await cp(join(here, 'icon.svg'), join(out, 'icon.svg'));
await writeFile(join(out, 'THIRD_PARTY_LICENCES.txt'), await licences(Object.keys(own.dependencies)));
console.log(`built ${relative(process.cwd(), out) || '.'}: ${Object.values(made.js).join(', ')}`);
