export function reachable(folder: string): Set<string>;
