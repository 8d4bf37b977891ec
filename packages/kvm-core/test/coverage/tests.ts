import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** The text of every test file, by its path in the package. */
export const testFiles: ReadonlyMap<string, string> = new Map(
  ['conformance', 'src', 'test']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.test.ts') && !file.startsWith('coverage'))
        .sort()
        .map((file): [string, string] => [`${folder}/${file}`, readFileSync(join(root, folder, file), 'utf8')]),
    ),
);

/** Whether all tests of a file use a recording backend in place of the kernel. */
export function isRecorded(path: string): boolean {
  const text = testFiles.get(path) ?? '';
  return /\brecordingBackend\b/.test(text) && !/\bon(?:EachBackend|EveryMachine|Arm64|Riscv)\(/.test(text);
}

/** The tests that make a call, by its method's name or by the ioctl's own. */
export function testsOf(ioctl: string, methods: readonly string[]): string[] {
  const calls = [
    ...methods.map((method) => new RegExp(`\\.${method}\\b`)),
    new RegExp(`ioctl\\((?:\\w+\\.)?${ioctl}\\b`),
  ];
  return [...testFiles].filter(([, text]) => calls.some((call) => call.test(text))).map(([path]) => path);
}
