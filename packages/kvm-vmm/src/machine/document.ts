// Written from machine/schema.ts by `npx vitest run test/schema.test.ts -u`. Change the schema instead.

/** A kernel to boot. */
export interface LinuxBoot {
  readonly type: 'linux';
  /** A bzImage, an ELF64 `vmlinux`, or a multiboot kernel; its bytes tell which. */
  readonly kernel: string;
  /** The kernel's initial RAM file system. */
  readonly initrd?: string;
  /**
   * The kernel's command line; an empty one by default for the board `test`. Default: `console=ttyS0 panic=-1 pci=off`.
   */
  readonly cmdline?: string;
  /** A boot protocol to use; without it, the image decides. */
  readonly protocol?: 'bzimage' | 'pvh' | 'elf64' | 'multiboot';
}

/** A flat binary to boot. */
export interface FlatBoot {
  readonly type: 'flat';
  /** The path of the binary. The API takes its bytes, too. */
  readonly image: string | Uint8Array;
  /** The mode of the processor at the first instruction of a flat binary. Default: `real`. */
  readonly mode?: 'real' | 'protected' | 'long';
  /** The guest-physical address at which a flat binary is loaded. Default: `0x1000`. */
  readonly loadAddr?: number | string | bigint;
  /** The guest-physical address of its first instruction; the load address without it. */
  readonly entry?: number | string | bigint;
}

/** What becomes of a register: `(value & keep) | set`. */
export interface RegisterMask {
  /** The bits that stay as they are on the host; all without it. */
  readonly keep?: number | string;
  /** Bits to set; none without it. */
  readonly set?: number | string;
}

/** What becomes of a leaf of CPUID. */
export interface LeafMask {
  /** The leaf: EAX of CPUID. */
  readonly leaf: number | string;
  /** For a leaf with subleaves; without it, the leaf has none. */
  readonly subleaf?: number | string;
  /** What becomes of a register: `(value & keep) | set`. */
  readonly eax?: RegisterMask;
  /** What becomes of a register: `(value & keep) | set`. */
  readonly ebx?: RegisterMask;
  /** What becomes of a register: `(value & keep) | set`. */
  readonly ecx?: RegisterMask;
  /** What becomes of a register: `(value & keep) | set`. */
  readonly edx?: RegisterMask;
}

/** What becomes of a model-specific register. */
export interface MsrMask {
  /** The number of the register: ECX of RDMSR. */
  readonly index: number | string;
  /** The bits that stay as they are on the host; all without it. */
  readonly keep?: number | string;
  /** Bits to set; none without it. */
  readonly set?: number | string;
}

/**
 * A model of a processor, so that guests on different hosts see the same one. If it has `requires` or `allows`, every
 * feature is hidden that is in neither, known or not.
 */
export interface CpuTemplate {
  /** Its name, for errors. */
  readonly name: string;
  /** Features by the names of `cpuFeatures` that the guest has. A host without one of them is refused. */
  readonly requires?: readonly string[];
  /** Features that the guest has if the host has them. */
  readonly allows?: readonly string[];
  /** Changes of CPUID leaves, in order, after `requires` and `allows`. */
  readonly cpuid?: readonly LeafMask[];
  /** Model-specific registers, for `setTemplateMsrs`. */
  readonly msrs?: readonly MsrMask[];
}

/** How a machine's processors differ from the host's. */
export interface CpuModel {
  /** A template, or the name of one of `cpuTemplates`: `x86-64-v3`. */
  readonly template?: string | CpuTemplate;
  /** Changes of features by the names of /proc/cpuinfo, after the template: `+avx2,-avx512f`. */
  readonly features?: string;
}

/** Adds fw_cfg of QEMU at port 0x510. The board `test` has it always. */
export interface FwCfgFiles {
  /** Further files by their names, such as `opt/org.example/config`: texts. The API takes bytes, too. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** A disk. */
export interface DiskOptions {
  /** A raw image, a block device, or the address of a raw image on a server: `https://...`. */
  readonly path: string;
  /** Whether the guest may only read. Default: `false`. */
  readonly readOnly?: boolean;
  /**
   * Leaves the disk as it is, and keeps what the guest writes elsewhere: `true` in memory, a path in that file, which
   * is made if there is none. Default: `false`.
   */
  readonly overlay?: boolean | string;
  /** The serial number that the guest sees, at most 20 bytes; none without it. */
  readonly serial?: string;
}

/** Ids of the guest, and what they are on the host. */
export interface IdRange {
  /** The first id in the guest. */
  readonly guest: number;
  /** The first id on the host. */
  readonly host: number;
  /** How many. Default: `1`. */
  readonly count?: number;
}

/** How the ids of the guest and those of the host belong together. */
export interface IdMap {
  /** What users of the host are in the guest. Others are 65534 there, and cannot be given to a file. */
  readonly uids: readonly IdRange[];
  /** What groups of the host are in the guest. Others are 65534 there, and cannot be given to a file. */
  readonly gids: readonly IdRange[];
}

/** A folder of the host. */
export interface ShareOptions {
  /** The folder. */
  readonly path: string;
  /** The name by which the guest mounts it, at most 36 bytes. The name of the folder without it. */
  readonly tag?: string;
  /** Whether the guest may only read. Default: `true`. */
  readonly readOnly?: boolean;
  /**
   * How long the guest trusts what it knows of the files: `none`, it asks each time; `auto`, for a second, and it reads
   * a file anew when it opens it; `always`, for files that only the guest changes. Default: `auto`.
   */
  readonly cache?: 'none' | 'auto' | 'always';
  /**
   * The owners that the guest sees: `host`, those of the host; `squash`, its root owns all files, and what it makes
   * belongs to the user of this process; or a map. Default: `host`.
   */
  readonly ids?: 'host' | 'squash' | IdMap;
}

/** A network card that is connected to a tap of the host. */
export interface TapOptions {
  /** An interface of the host, which it bridges or routes. */
  readonly type: 'tap';
  /** The name of the tap: `ip tuntap add dev tap0 mode tap user $USER` makes it. */
  readonly name: string;
  /** The address of the network card; a random one without it. */
  readonly mac?: string;
  /** The largest packet that the guest is to send, in bytes; 1500 in most guests without it. */
  readonly mtu?: number;
  /** How much the card carries in each direction at most; as much as the host can without it. */
  readonly bytesPerSecond?: number;
  /** How many frames the card carries in each direction at most. */
  readonly framesPerSecond?: number;
}

/** A network card whose packets passt turns into the host's own connections. It needs no rights. */
export interface PasstOptions {
  /** A network by the program passt, which must be installed. */
  readonly type: 'passt';
  /** Ports of the host that lead to ports of the guest: `8080:80`, `127.0.0.1:5353:53/udp`. */
  readonly ports?: readonly string[];
  /** Whether the guest reaches services of the host's loopback, by the address of its gateway. Default: `false`. */
  readonly hostLoopback?: boolean;
  /** The address of the network card; a random one without it. */
  readonly mac?: string;
  /** The largest packet that the guest is to send, in bytes; 1500 in most guests without it. */
  readonly mtu?: number;
  /** How much the card carries in each direction at most; as much as the host can without it. */
  readonly bytesPerSecond?: number;
  /** How many frames the card carries in each direction at most. */
  readonly framesPerSecond?: number;
}

/** A network card whose frames go over a Unix socket: to another machine, or to QEMU's `stream`. */
export interface SocketOptions {
  /** A Unix stream socket with a length before each frame. */
  readonly type: 'socket';
  /** The path of the socket. */
  readonly path: string;
  /** Makes the socket and waits for the other side, instead of connecting to it. Default: `false`. */
  readonly listen?: boolean;
  /** The address of the network card; a random one without it. */
  readonly mac?: string;
  /** The largest packet that the guest is to send, in bytes; 1500 in most guests without it. */
  readonly mtu?: number;
  /** How much the card carries in each direction at most; as much as the host can without it. */
  readonly bytesPerSecond?: number;
  /** How many frames the card carries in each direction at most. */
  readonly framesPerSecond?: number;
}

/** A source of random bytes. */
export interface RngModel {
  /** How much the guest gets: more than it needs, and less than the host notices. Default: `1048576`. */
  readonly bytesPerSecond?: number;
}

/** Sockets between the guest and the host. */
export interface VsockModel {
  /** The guest's address. The host has 2. Default: `3`. */
  readonly cid?: number;
  /**
   * A Unix socket for programs of the host: they write `CONNECT <port>` and a new line, and are connected to that port
   * of the guest. A guest that connects to a port of the host is connected to the Unix socket `<path>_<port>`.
   */
  readonly path?: string;
}

/** A balloon. */
export interface BalloonModel {
  /** How much memory the guest is to give back. Default: `0`. */
  readonly target?: number | string;
  /** Whether the guest may take memory out of the balloon when it has no other left. Default: `true`. */
  readonly deflateOnOom?: boolean;
  /** Whether the guest reports free memory, which goes back to the host at once. Default: `true`. */
  readonly reporting?: boolean;
}

/** A device of your own: a module that exports a function `device`. */
export interface DeviceModule {
  /** The module: `new URL('./my-device.js', import.meta.url)`. It is loaded in the thread of the devices. */
  readonly module: string | URL;
  /** What the module's function gets as `context.data`: anything that `postMessage` carries. */
  readonly data?: unknown;
}

/** How to open KVM. */
export interface KvmOptions {
  /** The KVM device. Default: `/dev/kvm`. */
  readonly path?: string;
  /** How to call KVM; the faster one that loads without it. */
  readonly backend?: 'native' | 'ffi';
}

/** A machine, as a document that JSON carries. */
export interface MachineDocument {
  /** Where this schema is: for editors. */
  readonly $schema?: string;
  /** What the machine boots: a kernel or a flat binary. */
  readonly boot: LinuxBoot | FlatBoot;
  /**
   * Guest memory in bytes, or a number with a unit: `64K`, `512M`, `8G`; whole pages of 4096 bytes. A flat binary has
   * 16M by default. Default: `512M`.
   */
  readonly memory?: number | string;
  /**
   * A file to use as guest memory, which other processes can map: in /dev/shm or hugetlbfs. It is made if there is
   * none. Its content is replaced, and its size must be 0 or that of the memory.
   */
  readonly memoryFile?: string;
  /** Ask the host for huge pages for the guest memory. Default: `false`. */
  readonly hugePages?: boolean;
  /** Take all guest memory from the host before the guest starts. Default: `false`. */
  readonly prefault?: boolean;
  /** The number of processors, at most what the host allows. Default: `1`. */
  readonly cpus?: number;
  /**
   * The processors: a template, changes of the host's features, or both, as in `x86-64-v3,-avx2`; the host's without
   * it.
   */
  readonly cpu?: string | CpuModel;
  /**
   * The board: `pc` is what Linux expects, with ACPI tables; `test` what the unit tests of KVM expect, a PC with full
   * ACPI, their test device, fw_cfg and the debug-exit port of QEMU; `bare` a serial port and the debug-exit port. `pc`
   * for kernels, `bare` for flat binaries without it.
   */
  readonly machine?: 'pc' | 'test' | 'bare';
  /**
   * The interrupt controllers: `kernel`, local APICs, I/O APIC and PICs in the kernel; `split`, local APICs in the
   * kernel, an I/O APIC in the thread of the devices, no PICs; `none`, so that HLT ends the guest. `none` for the board
   * `bare` with a flat binary, else `kernel` without it.
   */
  readonly interrupts?: 'kernel' | 'split' | 'none';
  /**
   * ACPI: `reduced`, hardware-reduced and without a PIT; `full`, with fixed registers, SCI and PM timer, and with
   * `kernel` interrupts a PIT. `full` for the board `test`, else `reduced` without it.
   */
  readonly acpi?: 'reduced' | 'full';
  /**
   * The exit status by the debug-exit port: `raw`, what the guest writes; `qemu`, `(value << 1) | 1`. `qemu` for the
   * board `test`, else `raw` without it.
   */
  readonly debugExit?: 'raw' | 'qemu';
  /** Adds fw_cfg of QEMU at port 0x510. The board `test` has it always. */
  readonly fwCfg?: FwCfgFiles;
  /**
   * Disks, virtio-blk: /dev/vda, /dev/vdb and so on of Linux. On a command line `a.img`, `b.img,ro` or
   * `base.img,overlay`; may be repeated.
   */
  readonly disks?: readonly DiskOptions[];
  /**
   * Folders of the host, virtio-fs: `mount -t virtiofs <tag> /mnt` of Linux. On a command line `dir`, `dir:tag` or
   * `dir:tag,rw`; may be repeated.
   */
  readonly shares?: readonly ShareOptions[];
  /**
   * Network cards, virtio-net: eth0, eth1 and so on of Linux. On a command line `tap0`, `passt,port=8080:80`,
   * `socket:PATH`, each with `,mac=...,mtu=...` if need be, or `none`; may be repeated.
   */
  readonly net?: readonly (TapOptions | PasstOptions | SocketOptions)[];
  /** A source of random bytes, virtio-rng: /dev/hwrng of Linux. Default: `false`. */
  readonly rng?: boolean | RngModel;
  /**
   * Sockets between the guest and the host, virtio-vsock: AF_VSOCK of Linux. On a command line `v.sock` or
   * `v.sock,cid=4`. Default: `false`.
   */
  readonly vsock?: boolean | VsockModel;
  /**
   * What the console of the guest is: `serial`, the serial port, `ttyS0` of Linux; `virtio`, which is faster and knows
   * the size of a terminal, `hvc0` of Linux. The default command line of a kernel names it. Default: `serial`.
   */
  readonly console?: 'serial' | 'virtio';
  /**
   * Names of further byte streams between the guest and the program, such as `org.example.agent`:
   * /dev/virtio-ports/org.example.agent of Linux.
   */
  readonly ports?: readonly string[];
  /**
   * A balloon, virtio-balloon: a size of memory that the guest is to give back to the host, `0` for none; the program
   * changes it later. Memory that the guest does not use goes back to the host by itself. Default: `false`.
   */
  readonly balloon?: boolean | number | string | BalloonModel;
  /**
   * How the guest reaches its virtio devices: `mmio`, by registers in memory; `pci`, by a PCI bus with MSI-X, for which
   * a kernel looks a little longer. Default: `mmio`.
   */
  readonly transport?: 'mmio' | 'pci';
  /** Devices of your own, beside those of the platform. */
  readonly devices?: readonly DeviceModule[];
  /**
   * The exits that `onExit` is told of, or kvm-cli prints to stderr: `all`, or names and addresses, such as
   * `io,mmio:0xd0000000-0xd0000fff` and `all,-io:0x3f8-0x3ff`.
   */
  readonly trace?: string;
  /** How to open KVM. */
  readonly kvm?: KvmOptions;
}
