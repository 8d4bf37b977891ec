/** A number and what it counts, in the singular or the plural: `1 exit`, `2 exits`. */
export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
