import { posix } from 'node:path';
import { bundlePackage } from '../../.ci/bundle.mjs';

/** The path of a built Worker's program from the sources, which is another one from where rolldown puts the code. */
const builtProgram = /"\.\.\/\.\.\/dist\/([\w/-]+\.js)"/g;

const programsBeside = {
  name: 'programs-beside',
  generateBundle(_, chunks) {
    for (const chunk of Object.values(chunks)) {
      const from = posix.dirname(chunk.fileName);
      chunk.code = chunk.code
        // rolldown keeps these imports of nothing, of which esbuild warns in bundles of users.
        .replaceAll(/^import "[./]+(?:shared\/)?constants\d*\.js";\n/gm, '')
        .replaceAll(builtProgram, (_, program) => {
          const path = posix.relative(from, program);
          return JSON.stringify(path.startsWith('.') ? path : `./${path}`);
        })
        // A module of a device. The comments are gone, and this one is for another bundler.
        .replace('import(url)', 'import(/* webpackIgnore: true */ url)');
    }
  },
};

const programs = ['virtio/block/block-thread', 'virtio/fs/fs-thread', 'storage/http-thread'];
/** Tests run these in Workers. */
const tested = ['machine/mailbox', 'machine/bell'];

await bundlePackage(import.meta.dirname, { more: [...programs, ...tested], plugins: [programsBeside] });
