// Prints the folder of something that the lab downloads for an architecture: its Node ("userland"), or musl.
//   node .ci/binaries/lab-folder.mjs arm64 musl
import { findArchitecture } from '../../lab/dist/architecture/index.js';
import { cachedFolder } from '../../lab/dist/cache.js';
import { unpackTools } from '../../lab/dist/tools/busybox.js';
import { fetchUserland } from '../../lab/dist/tools/userland.js';

const [name, what] = process.argv.slice(2);
const architecture = findArchitecture(name);
const path =
  what === 'musl'
    ? await cachedFolder(`musl/${name}`, (folder) => unpackTools(['musl'], architecture, folder))
    : await fetchUserland(architecture, { step() {}, note() {}, done() {} });
process.stdout.write(`${path}\n`);
