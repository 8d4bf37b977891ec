import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type Chart, page } from './svg.js';

const names = ['vcpus', 'vms', 'resident', 'slots', 'ram'];

/** Measures how cost grows, each chart in a process of its own, and draws the charts into a file. */
export function plotGrowth(file: string, caption: string): Chart[] {
  const program = new URL('./main.js', import.meta.url).pathname;
  const charts = names.map((name): Chart => {
    process.stderr.write(`${name}\n`);
    return JSON.parse(execFileSync(process.execPath, [program, name, 'native'], { encoding: 'utf8' }));
  });
  writeFileSync(file, page(charts, caption));
  return charts;
}
