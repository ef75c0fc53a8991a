// npm leaves optional packages of other platforms out of package-lock.json when the registry did not offer them at that
// moment, and `npm ci` then refuses the file. This puts them back, by name and version. Run it after each change of
// dependencies: node .ci/complete-lockfile.mjs

import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = { windows: 'win32' };
const PROCESSORS = { 64: 'x64' };
const KNOWN_SYSTEMS = new Set(['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']);
const KNOWN_PROCESSORS = new Set(['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']);

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const packages = new Map(Object.entries(lock.packages));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    packages.set(`node_modules/${name}`, platformPackage(name, version, entry.dev === true));
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries([...packages].toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? 'The lock file is complete.\n' : `Added:\n${added.join('\n')}\n`);

/** Whether a package that lies at `path` finds `name` in the lock, beside itself or further up. */
function isLocked(path, name) {
  for (let place = path; ; place = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))) {
    if (packages.has(`${place === '' ? '' : `${place}/`}node_modules/${name}`)) return true;
    if (place === '') return false;
    if (!place.includes('node_modules/')) place = '';
  }
}

/** Such packages carry their platform in their name: `@scope/binding-linux-arm64-musl`. */
function platformPackage(name, version, dev) {
  const words = name.split(/[-/.]/);
  const system = words.map((word) => SYSTEMS[word] ?? word).find((word) => KNOWN_SYSTEMS.has(word));
  const processor = words.map((word) => PROCESSORS[word] ?? word).find((word) => KNOWN_PROCESSORS.has(word));
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu')) && 'glibc';
  return {
    version: version.replace(/^[~^=]+/, ''),
    ...(processor && { cpu: [processor] }),
    ...(dev && { dev }),
    ...(libc && { libc: [libc] }),
    optional: true,
    ...(system && { os: [system] }),
  };
}
