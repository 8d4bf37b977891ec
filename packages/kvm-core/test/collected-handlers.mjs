/** Nothing: the guest goes on. */
export function io() {}
