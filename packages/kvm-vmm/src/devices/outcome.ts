/** How the run of a guest ended. */
export type Outcome =
  /** The guest halted, and nothing can wake it. */
  | { readonly kind: 'halt' }
  /** The guest ended the run with a status, through the debug-exit port. */
  | { readonly kind: 'exit'; readonly status: number }
  /** The guest turned the machine off, as by ACPI or pvpanic. */
  | { readonly kind: 'power-off' }
  /** The guest reset the machine, as by a reset register or the keyboard controller. */
  | { readonly kind: 'reboot' }
  /** The guest's kernel panicked, and reported it through pvpanic. */
  | { readonly kind: 'guest-panic' }
  /**
   * The guest shut down, as by a triple fault. `rip` is undefined on AMD processors: they leave no state behind, and
   * KVM resets the vCPU.
   */
  | { readonly kind: 'shutdown'; readonly rip: bigint | undefined }
  /** KVM could not continue, as at an instruction that it cannot emulate. `suberror` is a `KVM_INTERNAL_ERROR_*`. */
  | { readonly kind: 'internal-error'; readonly suberror: number; readonly rip: bigint }
  /** The processor refused the state of the vCPU. The reason is the hardware's own number. */
  | { readonly kind: 'entry-failure'; readonly hardwareReason: bigint; readonly cpu: number }
  /** A kick or a signal stopped the run, as requested. */
  | { readonly kind: 'interrupted' }
  /** The vCPU exited for a reason that this machine does not handle. */
  | { readonly kind: 'unhandled'; readonly reason: string; readonly rip: bigint };
