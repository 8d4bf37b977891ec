import { isCapability } from './capabilities.js';
import { notExitReasons } from './exits.js';
import { table } from './table.js';

/**
 * The kernel's compound words, in lower case, and where camel case splits them. All others count as one word: Irqfd,
 * Ioeventfd, Cpuid, Sregs, Xsave, Lapic, Ioapic, Vcpu, Memslots.
 */
export const words: Readonly<Record<string, string>> = table({
  '1m': '1M',
  '2g': '2G',
  '32bit': '32Bit',
  '64bit': '64Bit',
  aperfmperf: 'AperfMperf',
  blockirq: 'BlockIrq',
  booke: 'BookE',
  clocksource: 'ClockSource',
  debugreg: 'DebugReg',
  debugregs: 'DebugRegs',
  devid: 'DevId',
  e2h0: 'E2H0',
  esamode: 'EsaMode',
  fwnmi: 'FwNmi',
  hyperv: 'HyperV',
  irqchip: 'IrqChip',
  keyop: 'KeyOp',
  kvmclock: 'KvmClock',
  maxphyaddr: 'MaxPhyAddr',
  multitce: 'MultiTce',
  operexec: 'OperExec',
  ptrauth: 'PtrAuth',
  pvinfo: 'PvInfo',
  segstate: 'SegState',
  singlestep: 'SingleStep',
  tlbflush: 'TlbFlush',
  vmexit: 'VmExit',
});

/** The names that words and prefixes alone would get wrong. */
export const renamed: Readonly<Record<string, string>> = table({
  // Digits that would run together: ArmEl132Bit, ArmPsci02, Pci23.
  KVM_CAP_ARM_EL1_32BIT: 'ArmEl1_32Bit',
  KVM_CAP_ARM_PSCI_0_2: 'ArmPsci0_2',
  KVM_CAP_PCI_2_3: 'Pci2_3',
  // The kernel's name has a typing error, and is ABI.
  KVM_CPUID_FLAG_SIGNIFCANT_INDEX: 'SignificantIndex',
});

interface GroupHead {
  /** The name it is exported under. */
  name: string;
  doc: string;
  /** Its values are bigints, because the field they are for has 64 bits. */
  bigint?: boolean;
  /** There is a table from the numbers back to the kernel's names. */
  names?: boolean;
  /** There is a table from the numbers to the kernels that brought them. */
  ages?: boolean;
  /** There is a table of the capabilities that this architecture does not offer. */
  archs?: boolean;
}

/** Every constant with a prefix; the rest of its name becomes the friendly name. */
export interface PrefixGroup extends GroupHead {
  prefix: string;
  exclude?: readonly string[];
  /** Whether a name with the prefix belongs to the group. Absent: all do. */
  includes?: (name: string) => boolean;
  renamed?: Readonly<Record<string, string>>;
}

/** Chosen constants under chosen names. Those that a header set lacks are left out. */
export interface ChosenGroup extends GroupHead {
  constants: Readonly<Record<string, string>>;
}

export type Group = PrefixGroup | ChosenGroup;

/** The constants that get a friendly name, in groups by use. */
export const groups: readonly Group[] = [
  // Queries about the host.
  {
    name: 'Cap',
    // No two share a number (facts.test.ts checks).
    prefix: 'KVM_CAP_',
    includes: isCapability,
    renamed,
    names: true,
    ages: true,
    archs: true,
    doc: 'Capabilities: what a host may offer. KVM_CHECK_EXTENSION queries them, KVM_ENABLE_CAP enables some.',
  },
  {
    name: 'VmType',
    constants: {
      Default: 'KVM_X86_DEFAULT_VM',
      SwProtected: 'KVM_X86_SW_PROTECTED_VM',
      Sev: 'KVM_X86_SEV_VM',
      SevEs: 'KVM_X86_SEV_ES_VM',
      Snp: 'KVM_X86_SNP_VM',
      Tdx: 'KVM_X86_TDX_VM',
      Ucontrol: 'KVM_VM_S390_UCONTROL',
      PpcHv: 'KVM_VM_PPC_HV',
      PpcPr: 'KVM_VM_PPC_PR',
      MipsAuto: 'KVM_VM_MIPS_AUTO',
      MipsVz: 'KVM_VM_MIPS_VZ',
      MipsTe: 'KVM_VM_MIPS_TE',
      ArmProtected: 'KVM_VM_TYPE_ARM_PROTECTED',
    },
    doc: 'Machine types for KVM_CREATE_VM. Each belongs to one architecture; 0 is the default on all of them.',
  },

  // Exits.
  {
    name: 'ExitReason',
    prefix: 'KVM_EXIT_',
    exclude: notExitReasons,
    names: true,
    doc: 'Why KVM_RUN returned: `exit_reason` in the run state.',
  },
  {
    name: 'IoDirection',
    constants: { In: 'KVM_EXIT_IO_IN', Out: 'KVM_EXIT_IO_OUT' },
    doc: 'The direction of a port access, seen from the guest: `direction` of an Io exit.',
  },
  {
    name: 'HyperVExitType',
    prefix: 'KVM_EXIT_HYPERV_',
    doc: 'The `type` of a HyperV exit.',
  },
  { name: 'XenExitType', prefix: 'KVM_EXIT_XEN_', doc: 'The `type` of a Xen exit.' },
  {
    name: 'InternalError',
    prefix: 'KVM_INTERNAL_ERROR_',
    exclude: ['KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES'],
    names: true,
    doc: 'What went wrong inside KVM: `suberror` of an InternalError exit.',
  },
  {
    name: 'EmulationFailureFlag',
    constants: { InstructionBytes: 'KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES' },
    bigint: true,
    doc: 'Which fields of `emulation_failure` are valid: its `flags`.',
  },
  {
    name: 'SystemEvent',
    prefix: 'KVM_SYSTEM_EVENT_',
    // arm64's flags, in the data of an event.
    exclude: ['KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2', 'KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2'],
    names: true,
    doc: 'What the guest requests from its machine: `type` of a SystemEvent exit.',
  },
  {
    name: 'MsrExitReason',
    prefix: 'KVM_MSR_EXIT_REASON_',
    exclude: ['KVM_MSR_EXIT_REASON_VALID_MASK'],
    doc: 'Why an MSR access exits to user space: `reason` of such an exit, and the argument of Cap.X86UserSpaceMsr.',
  },
  {
    name: 'NotifyFlag',
    prefix: 'KVM_NOTIFY_',
    doc: '`flags` of a Notify exit.',
  },
  {
    name: 'MemoryFaultFlag',
    prefix: 'KVM_MEMORY_EXIT_FLAG_',
    bigint: true,
    doc: '`flags` of a MemoryFault exit.',
  },
  {
    name: 'RunFlag',
    prefix: 'KVM_RUN_X86_',
    doc: 'The state of the vCPU at an exit: `flags` of the run state.',
  },
  {
    name: 'SyncRegs',
    constants: {
      Regs: 'KVM_SYNC_X86_REGS',
      Sregs: 'KVM_SYNC_X86_SREGS',
      Events: 'KVM_SYNC_X86_EVENTS',
      Prefix: 'KVM_SYNC_PREFIX',
      Gprs: 'KVM_SYNC_GPRS',
      Acrs: 'KVM_SYNC_ACRS',
      Crs: 'KVM_SYNC_CRS',
      Arch0: 'KVM_SYNC_ARCH0',
      Pfault: 'KVM_SYNC_PFAULT',
      Vrs: 'KVM_SYNC_VRS',
      Riccb: 'KVM_SYNC_RICCB',
      Fprs: 'KVM_SYNC_FPRS',
      Gscb: 'KVM_SYNC_GSCB',
      Bpbc: 'KVM_SYNC_BPBC',
      Etoken: 'KVM_SYNC_ETOKEN',
      Diag318: 'KVM_SYNC_DIAG318',
    },
    bigint: true,
    doc: 'Sets of registers in the run state: `kvm_valid_regs`, `kvm_dirty_regs`. Cap.SyncRegs tells which exist.',
  },

  // Memory.
  { name: 'MemoryFlag', prefix: 'KVM_MEM_', doc: '`flags` of a memory slot.' },
  {
    name: 'MemoryAttribute',
    prefix: 'KVM_MEMORY_ATTRIBUTE_',
    bigint: true,
    doc: '`attributes` for KVM_SET_MEMORY_ATTRIBUTES.',
  },
  {
    name: 'GuestMemfdFlag',
    prefix: 'GUEST_MEMFD_FLAG_',
    bigint: true,
    doc: '`flags` for KVM_CREATE_GUEST_MEMFD.',
  },
  {
    name: 'DirtyLogManual',
    constants: { ProtectEnable: 'KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE', InitiallySet: 'KVM_DIRTY_LOG_INITIALLY_SET' },
    doc: 'The bits of Cap.ManualDirtyLogProtect2, queried and enabled.',
  },
  {
    name: 'DirtyGfnFlag',
    prefix: 'KVM_DIRTY_GFN_F_',
    exclude: ['KVM_DIRTY_GFN_F_MASK'],
    doc: 'The state of an entry of a dirty ring: its `flags`.',
  },

  // Interrupts, timers, devices.
  { name: 'IrqfdFlag', prefix: 'KVM_IRQFD_FLAG_', doc: '`flags` for KVM_IRQFD.' },
  {
    name: 'IoeventfdFlag',
    // The flags. kvm_ioeventfd_flag_nr_* are their bit numbers.
    prefix: 'KVM_IOEVENTFD_FLAG_',
    doc: '`flags` for KVM_IOEVENTFD.',
  },
  {
    name: 'IrqRoutingType',
    prefix: 'KVM_IRQ_ROUTING_',
    exclude: ['KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL'],
    doc: 'What a GSI is routed to: `type` of an entry for KVM_SET_GSI_ROUTING.',
  },
  {
    name: 'MsiFlag',
    constants: { ValidDevId: 'KVM_MSI_VALID_DEVID' },
    doc: '`flags` for KVM_SIGNAL_MSI, and of an entry of IrqRoutingType.Msi.',
  },
  {
    name: 'IrqChipId',
    constants: {
      PicMaster: 'KVM_IRQCHIP_PIC_MASTER',
      PicSlave: 'KVM_IRQCHIP_PIC_SLAVE',
      Ioapic: 'KVM_IRQCHIP_IOAPIC',
    },
    doc: '`chip_id` for KVM_GET_IRQCHIP and KVM_SET_IRQCHIP, and `irqchip` of a routing entry.',
  },
  {
    name: 'PitFlag',
    constants: { SpeakerDummy: 'KVM_PIT_SPEAKER_DUMMY' },
    doc: '`flags` for KVM_CREATE_PIT2.',
  },
  {
    name: 'PitStateFlag',
    prefix: 'KVM_PIT_FLAGS_',
    doc: '`flags` for KVM_GET_PIT2 and KVM_SET_PIT2.',
  },
  {
    name: 'ClockFlag',
    prefix: 'KVM_CLOCK_',
    doc: '`flags` for KVM_GET_CLOCK and KVM_SET_CLOCK.',
  },
  {
    name: 'DeviceType',
    prefix: 'KVM_DEV_TYPE_',
    exclude: ['KVM_DEV_TYPE_MAX'],
    doc: '`type` for KVM_CREATE_DEVICE.',
  },
  {
    name: 'CreateDeviceFlag',
    constants: { Test: 'KVM_CREATE_DEVICE_TEST' },
    doc: '`flags` for KVM_CREATE_DEVICE.',
  },

  // vCPUs.
  {
    name: 'CpuidFlag',
    prefix: 'KVM_CPUID_FLAG_',
    renamed,
    doc: '`flags` of a CPUID entry.',
  },
  {
    name: 'MpState',
    prefix: 'KVM_MP_STATE_',
    doc: 'Whether a vCPU is running, waiting or off: `mp_state` for KVM_GET_MP_STATE and KVM_SET_MP_STATE.',
  },
  {
    name: 'GuestDebug',
    prefix: 'KVM_GUESTDBG_',
    doc: '`control` for KVM_SET_GUEST_DEBUG.',
  },
  {
    name: 'VcpuEventFlag',
    prefix: 'KVM_VCPUEVENT_VALID_',
    doc: 'Which fields are valid: `flags` for KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS.',
  },
  {
    name: 'InterruptShadow',
    prefix: 'KVM_X86_SHADOW_INT_',
    doc: '`interrupt.shadow` for KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS.',
  },
  {
    name: 'Sregs2Flag',
    prefix: 'KVM_SREGS2_FLAGS_',
    bigint: true,
    doc: '`flags` for KVM_GET_SREGS2 and KVM_SET_SREGS2.',
  },
  {
    name: 'NestedStateFormat',
    prefix: 'KVM_STATE_NESTED_FORMAT_',
    doc: '`format` for KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE.',
  },
  {
    name: 'NestedStateFlag',
    constants: {
      GuestMode: 'KVM_STATE_NESTED_GUEST_MODE',
      RunPending: 'KVM_STATE_NESTED_RUN_PENDING',
      Evmcs: 'KVM_STATE_NESTED_EVMCS',
      MtfPending: 'KVM_STATE_NESTED_MTF_PENDING',
      GifSet: 'KVM_STATE_NESTED_GIF_SET',
    },
    doc: '`flags` for KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE.',
  },
  {
    name: 'MsrFilterFlag',
    constants: { DefaultAllow: 'KVM_MSR_FILTER_DEFAULT_ALLOW', DefaultDeny: 'KVM_MSR_FILTER_DEFAULT_DENY' },
    doc: 'What happens to an MSR that no range covers: `flags` for KVM_X86_SET_MSR_FILTER.',
  },
  {
    name: 'MsrFilterRangeFlag',
    constants: { Read: 'KVM_MSR_FILTER_READ', Write: 'KVM_MSR_FILTER_WRITE' },
    doc: 'Which accesses a range filters: `flags` of a range for KVM_X86_SET_MSR_FILTER.',
  },
  {
    name: 'PmuEventAction',
    constants: { Allow: 'KVM_PMU_EVENT_ALLOW', Deny: 'KVM_PMU_EVENT_DENY' },
    doc: '`action` for KVM_SET_PMU_EVENT_FILTER.',
  },
  {
    name: 'PmuEventFlag',
    constants: { MaskedEvents: 'KVM_PMU_EVENT_FLAG_MASKED_EVENTS' },
    doc: '`flags` for KVM_SET_PMU_EVENT_FILTER.',
  },
  {
    name: 'VcpuFeature',
    constants: {
      PowerOff: 'KVM_ARM_VCPU_POWER_OFF',
      El1_32Bit: 'KVM_ARM_VCPU_EL1_32BIT',
      Psci0_2: 'KVM_ARM_VCPU_PSCI_0_2',
      PmuV3: 'KVM_ARM_VCPU_PMU_V3',
      Sve: 'KVM_ARM_VCPU_SVE',
      PtrAuthAddress: 'KVM_ARM_VCPU_PTRAUTH_ADDRESS',
      PtrAuthGeneric: 'KVM_ARM_VCPU_PTRAUTH_GENERIC',
      HasEl2: 'KVM_ARM_VCPU_HAS_EL2',
      HasEl2E2H0: 'KVM_ARM_VCPU_HAS_EL2_E2H0',
      PmuV3Strict: 'KVM_ARM_VCPU_PMU_V3_STRICT',
    },
    doc: 'Features of an arm64 vCPU: bit numbers in `features` for KVM_ARM_VCPU_INIT.',
  },
  {
    name: 'ArmIrqType',
    prefix: 'KVM_ARM_IRQ_TYPE_',
    exclude: ['KVM_ARM_IRQ_TYPE_SHIFT', 'KVM_ARM_IRQ_TYPE_MASK'],
    doc: 'The kind of interrupt that an arm64 interrupt number belongs to, for KVM_IRQ_LINE.',
  },
  {
    name: 'RiscvIsaExt',
    prefix: 'KVM_RISCV_ISA_EXT_',
    exclude: ['KVM_RISCV_ISA_EXT_MAX'],
    doc: 'Extensions of the RISC-V instruction set; a register turns each on or off.',
  },
  {
    name: 'RiscvSbiExt',
    prefix: 'KVM_RISCV_SBI_EXT_',
    exclude: ['KVM_RISCV_SBI_EXT_MAX'],
    doc: 'Extensions of the RISC-V SBI; a register turns each on or off.',
  },
  {
    name: 'RegArch',
    constants: {
      Generic: 'KVM_REG_GENERIC',
      Ppc: 'KVM_REG_PPC',
      X86: 'KVM_REG_X86',
      Ia64: 'KVM_REG_IA64',
      Arm: 'KVM_REG_ARM',
      S390: 'KVM_REG_S390',
      Arm64: 'KVM_REG_ARM64',
      Mips: 'KVM_REG_MIPS',
      RiscV: 'KVM_REG_RISCV',
      LoongArch: 'KVM_REG_LOONGARCH',
    },
    bigint: true,
    doc: 'The architecture part of a register id for KVM_GET_ONE_REG and KVM_SET_ONE_REG.',
  },
  {
    name: 'RegSize',
    prefix: 'KVM_REG_SIZE_',
    exclude: ['KVM_REG_SIZE_SHIFT', 'KVM_REG_SIZE_MASK'],
    bigint: true,
    doc: 'The size part of a register id for KVM_GET_ONE_REG and KVM_SET_ONE_REG.',
  },

  // Arguments for enabling capabilities. KVM_CHECK_EXTENSION returns the same bits, as a number.
  {
    name: 'X86DisableExits',
    prefix: 'KVM_X86_DISABLE_EXITS_',
    doc: 'Instructions that no longer exit, for Cap.X86DisableExits.',
  },
  { name: 'X86Quirk', prefix: 'KVM_X86_QUIRK_', doc: 'Legacy behaviour to disable, for Cap.DisableQuirks2.' },
  {
    name: 'BusLockDetection',
    prefix: 'KVM_BUS_LOCK_DETECTION_',
    doc: 'What a bus lock does, for Cap.X86BusLockExit.',
  },
  {
    name: 'X2apicApiFlag',
    prefix: 'KVM_X2APIC_API_',
    bigint: true,
    doc: 'For Cap.X2apicApi.',
  },
  {
    name: 'NotifyVmExit',
    prefix: 'KVM_X86_NOTIFY_VMEXIT_',
    bigint: true,
    doc: 'For Cap.X86NotifyVmExit: the low half of its argument; the high half is the window.',
  },
  {
    name: 'PmuCap',
    prefix: 'KVM_PMU_CAP_',
    doc: 'For Cap.PmuCapability.',
  },
  {
    name: 'XenHvmConfigFlag',
    prefix: 'KVM_XEN_HVM_CONFIG_',
    doc: 'The bits of Cap.XenHvm, and `flags` for KVM_XEN_HVM_CONFIG.',
  },
  {
    name: 'XenAttrType',
    prefix: 'KVM_XEN_ATTR_TYPE_',
    doc: '`type` for KVM_XEN_HVM_GET_ATTR and KVM_XEN_HVM_SET_ATTR.',
  },
  {
    name: 'XenVcpuAttrType',
    prefix: 'KVM_XEN_VCPU_ATTR_TYPE_',
    doc: '`type` for KVM_XEN_VCPU_GET_ATTR and KVM_XEN_VCPU_SET_ATTR.',
  },

  // Statistics.
  {
    name: 'StatsType',
    prefix: 'KVM_STATS_TYPE_',
    exclude: ['KVM_STATS_TYPE_SHIFT', 'KVM_STATS_TYPE_MASK', 'KVM_STATS_TYPE_MAX'],
    doc: 'How a statistic changes over time: a part of its `flags`.',
  },
  {
    name: 'StatsUnit',
    prefix: 'KVM_STATS_UNIT_',
    exclude: ['KVM_STATS_UNIT_SHIFT', 'KVM_STATS_UNIT_MASK', 'KVM_STATS_UNIT_MAX'],
    doc: 'The unit of a statistic: a part of its `flags`.',
  },
  {
    name: 'StatsBase',
    prefix: 'KVM_STATS_BASE_',
    exclude: ['KVM_STATS_BASE_SHIFT', 'KVM_STATS_BASE_MASK', 'KVM_STATS_BASE_MAX'],
    doc: 'The base of the scale factor of a statistic, raised to its `exponent`: a part of its `flags`.',
  },
];
