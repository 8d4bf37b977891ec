/*
 * What a guest kernel that boots by PVH finds at the physical address in EBX: an x86 interface of Xen that Linux and its
 * virtual machine monitors share. The kernel installs no header for it, so magic-gen has one of its own, written from
 * the layout in Xen's document (https://xenbits.xen.org/docs/unstable/misc/pvh.html). All integers are little-endian,
 * all addresses guest-physical, and the address 0 means none.
 */
#ifndef MAGIC_GEN_XEN_START_INFO_H
#define MAGIC_GEN_XEN_START_INFO_H

#include <linux/types.h>

/* In hvm_start_info.magic: "xEn3", the E with its highest bit set. */
#define XEN_HVM_START_MAGIC_VALUE 0x336ec578

/* In hvm_memmap_table_entry.type: ACPI's address range types. */
#define XEN_HVM_MEMMAP_TYPE_RAM 1
#define XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define XEN_HVM_MEMMAP_TYPE_ACPI 3
#define XEN_HVM_MEMMAP_TYPE_NVS 4
#define XEN_HVM_MEMMAP_TYPE_UNUSABLE 5
#define XEN_HVM_MEMMAP_TYPE_DISABLED 6
#define XEN_HVM_MEMMAP_TYPE_PMEM 7

struct hvm_start_info {
	__le32 magic;
	__le32 version;
	__le32 flags;
	/* The number of hvm_modlist_entry at modlist_paddr. */
	__le32 nr_modules;
	__le64 modlist_paddr;
	__le64 cmdline_paddr;
	__le64 rsdp_paddr;
	/* Since version 1: the address of the hvm_memmap_table_entry array, and its length. */
	__le64 memmap_paddr;
	__le32 memmap_entries;
	__le32 reserved;
};

struct hvm_modlist_entry {
	__le64 paddr;
	__le64 size;
	__le64 cmdline_paddr;
	__le64 reserved;
};

struct hvm_memmap_table_entry {
	__le64 addr;
	__le64 size;
	__le32 type;
	__le32 reserved;
};

#endif
