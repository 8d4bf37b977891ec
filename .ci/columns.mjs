// Lists lines of more than 120 columns in the files that are written by hand. Fails if there are any.
//   node .ci/columns.mjs [PATH...]
// A line is allowed if it cannot be broken: a row of a table, output of a program, or one long word such as a link.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const limit = 120;
const source = /\.([cm]?ts|mjs|cc|[chs]|go|inc|sh|md|ya?ml)$|^\.ci\/[a-z-]+$/;
const generated =
  /\/src\/abi\/|\/magic-gen\/(models|history|predefined|fallback|headers)\/|^pnpm-lock|^docs\/coverage\.md$|^api\//;

const files = execFileSync('git', ['ls-files', ...process.argv.slice(2)], { encoding: 'utf8' })
  .trim()
  .split('\n');
let count = 0;
for (const file of files.filter((each) => source.test(each) && !generated.test(each))) {
  for (const line of longLines(file, readFileSync(file, 'utf8'))) {
    process.stdout.write(`${file}:${line}\n`);
    count += 1;
  }
}
if (count > 0) {
  process.stdout.write(`${count} lines are longer than ${limit} columns\n`);
  process.exitCode = 1;
}

/** The numbers of the lines that are too long. */
function longLines(file, text) {
  let isOutput = false;
  return text.split('\n').flatMap((line, index) => {
    if (file.endsWith('.md') && /^\s*```/.test(line)) isOutput = /```(console|text)$/.test(line);
    const isTable = /^\s*"?\|.*\|"?$/.test(line);
    const isOneWord = /^\s*([-*#>]+ |\/\/ |\d+\. )*\S+$/.test(line);
    return line.length <= limit || isOutput || isTable || isOneWord ? [] : [index + 1];
  });
}
