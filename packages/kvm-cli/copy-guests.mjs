// Puts the guests that kvm-cli has built in beside its code, where the published package has them, too.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const from = join(import.meta.dirname, '..', '..', 'guests');
const to = join(import.meta.dirname, 'dist', 'guests');
mkdirSync(to, { recursive: true });
for (const name of ['hello.bin']) copyFileSync(join(from, name), join(to, name));
