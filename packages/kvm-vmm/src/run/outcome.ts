/** How the run of a guest has ended. */
export type Outcome =
  /** It halted, with nothing there to wake it. */
  | { readonly kind: 'halt' }
  /** It wrote a status to the debug-exit port. */
  | { readonly kind: 'exit'; readonly status: number }
  /**
   * It shut down: a triple fault, or what else makes a processor give up. Where it was is undefined on AMD's processors: they
   * leave no state behind, and KVM resets the vCPU.
   */
  | { readonly kind: 'shutdown'; readonly rip: bigint | undefined }
  /** KVM could not go on, as with an instruction that it cannot emulate; `suberror` is one of `KVM_INTERNAL_ERROR_*`. */
  | { readonly kind: 'internal-error'; readonly suberror: number; readonly rip: bigint }
  /** The processor refused the state of the vCPU; the reason is the hardware's own number. */
  | { readonly kind: 'entry-failure'; readonly hardwareReason: bigint; readonly cpu: number }
  /** A kick, or a signal, stopped it, as asked for. */
  | { readonly kind: 'interrupted' }
  /** It exited for a reason that this machine does nothing about. */
  | { readonly kind: 'unhandled'; readonly reason: string; readonly rip: bigint };
