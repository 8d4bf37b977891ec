interface Runs<E> {
  run(options?: { deadline: number }): E;
  readonly deadlinePassed: boolean;
}

export function exitOf<E extends { readonly reason: number }>(vcpu: Runs<E>, deadline?: number): E;
