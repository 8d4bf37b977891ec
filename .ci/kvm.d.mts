export function whyNoKvm(): string | undefined;
