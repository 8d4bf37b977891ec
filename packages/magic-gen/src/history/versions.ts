/** Orders kernel releases ("6.12") by time. */
export function compareKernels(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/**
 * Whether no release lies between two. The last minor number of a series is not known here; across series the answer is
 * no.
 */
export function areAdjacent(earlier: string, later: string): boolean {
  const [majorA, minorA = 0] = earlier.split('.').map(Number);
  const [majorB, minorB = 0] = later.split('.').map(Number);
  return majorA === majorB && minorA + 1 === minorB;
}

/**
 * When something was added, in words: "since Linux 6.12 or earlier", or "since Linux 7.3" where the release just before
 * is known and lacks it.
 *
 * @param since The first known kernel that has it.
 * @param known The known kernels.
 */
export function sinceText(since: string, known: readonly string[]): string {
  const before = known
    .filter((kernel) => compareKernels(kernel, since) < 0)
    .toSorted(compareKernels)
    .at(-1);
  const exact = before !== undefined && areAdjacent(before, since);
  return `since Linux ${since}${exact ? '' : ' or earlier'}`;
}
