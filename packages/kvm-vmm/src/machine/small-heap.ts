/**
 * The limits of a machine's Workers. Their exit and data paths allocate nothing, so they get by with the smallest heap
 * for new objects. Node's default costs each of them 2 MiB more.
 */
export const smallHeap = { maxYoungGenerationSizeMb: 1 };
