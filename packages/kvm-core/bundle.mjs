import { bundlePackage } from '../../.ci/bundle.mjs';

/**
 * The package's JavaScript: a file for each of its entries, and for what they share. Loading the hundred source files
 * as separate modules took longer than running them.
 */

/**
 * The namespace object of a module. rolldown gives it a getter for each export, and defining these takes a fifth of the
 * import. The exports of these modules never change.
 */
const plainNamespaces = {
  name: 'plain-namespaces',
  generateBundle(_, chunks) {
    for (const [name, chunk] of Object.entries(chunks)) {
      chunk.code = chunk.code
        .replaceAll(/__exportAll\(\{([^}]*)\}\)/g, (_, getters) => {
          const members = getters.replaceAll(/: \(\) => /g, ': ');
          return `/* @__PURE__ */ Object.freeze({ __proto__: null,${members}})`;
        })
        // What is left of the runtime: its definition, in one chunk, and its name in imports and exports.
        .replace(/^import "node:module";\n(?=\/\/ \\0rolldown)/m, '')
        .replace(/^\/\/ \\0rolldown\/runtime\.js\n(?:var|\t|\}).*\n(?:(?:var|\t|\}).*\n)*/m, '')
        .replaceAll(/\b__exportAll, /g, '')
        // Nothing shared has side effects.
        .replaceAll(/^import "\.\/[^"]+";\n/gm, '')
        // The comments are gone, and this one is for another bundler.
        .replace('import(order.handlers)', 'import(/* webpackIgnore: true */ order.handlers)');
      if (/__exportAll|rolldown-runtime/.test(chunk.code))
        throw new Error(`${name}: rolldown writes namespaces otherwise`);
    }
  },
};

await bundlePackage(import.meta.dirname, { plugins: [plainNamespaces] });
