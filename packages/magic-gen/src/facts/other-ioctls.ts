import { table } from './table.js';

/**
 * What no header says about the ioctls of interfaces other than KVM. Most need no entry: their header says everything.
 */
export interface OtherIoctlFacts {
  /**
   * How the argument is passed, where the header does not say, or is wrong: not at all, as a plain number, as a pointer
   * to an `int`, or as a pointer to a zero-terminated text.
   */
  argument?: 'none' | 'value' | 'integer' | 'text';
  /** The struct that the kernel takes the address of, where the header names another type or none. */
  record?: string;
  /** The direction of the data, where the header's is wrong. */
  direction?: 'none' | 'write' | 'read' | 'readwrite';
}

const none: OtherIoctlFacts = { argument: 'none' };
const value: OtherIoctlFacts = { argument: 'value', direction: 'none' };
const takes = (record: string): OtherIoctlFacts => ({ record, direction: 'write' });
const fills = (record: string): OtherIoctlFacts => ({ record, direction: 'readwrite' });

export const otherIoctlFacts: Readonly<Record<string, OtherIoctlFacts>> = table({
  // drivers/vhost
  VHOST_SET_OWNER: none,
  VHOST_RESET_OWNER: none,
  VHOST_VDPA_SUSPEND: none,
  VHOST_VDPA_RESUME: none,
  VHOST_GET_VRING_ENDIAN: { direction: 'readwrite' },
  VHOST_GET_VRING_BUSYLOOP_TIMEOUT: { direction: 'readwrite' },
  VHOST_SCSI_GET_ABI_VERSION: { direction: 'read' },
  VHOST_SCSI_GET_EVENTS_MISSED: { direction: 'read' },
  // The struct says how much room there is.
  VHOST_VDPA_GET_CONFIG: { direction: 'readwrite' },
  VHOST_GET_FEATURES_ARRAY: { direction: 'readwrite' },

  // drivers/net/tun.c: the numbers were assigned with `int` as the type of every argument.
  TUNSETNOCSUM: value,
  TUNSETDEBUG: value,
  TUNSETIFF: fills('ifreq'),
  TUNSETPERSIST: value,
  TUNSETOWNER: value,
  TUNSETLINK: value,
  TUNSETGROUP: value,
  TUNSETOFFLOAD: value,
  TUNSETTXFILTER: takes('tun_filter'),
  TUNGETIFF: { record: 'ifreq', direction: 'read' },
  TUNDETACHFILTER: { argument: 'none', direction: 'none' },
  TUNSETQUEUE: takes('ifreq'),
  TUNSETSTEERINGEBPF: { direction: 'write' },
  TUNSETFILTEREBPF: { direction: 'write' },
  TUNGETDEVNETNS: none,

  // drivers/vfio: all are _IO, so that the struct may grow.
  VFIO_GET_API_VERSION: none,
  VFIO_CHECK_EXTENSION: value,
  VFIO_SET_IOMMU: value,
  VFIO_GROUP_GET_STATUS: fills('vfio_group_status'),
  VFIO_GROUP_SET_CONTAINER: { argument: 'integer', direction: 'write' },
  VFIO_GROUP_UNSET_CONTAINER: none,
  VFIO_GROUP_GET_DEVICE_FD: { argument: 'text', direction: 'write' },
  VFIO_DEVICE_GET_INFO: fills('vfio_device_info'),
  VFIO_DEVICE_GET_REGION_INFO: fills('vfio_region_info'),
  VFIO_DEVICE_GET_IRQ_INFO: fills('vfio_irq_info'),
  VFIO_DEVICE_SET_IRQS: takes('vfio_irq_set'),
  VFIO_DEVICE_RESET: none,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: fills('vfio_pci_hot_reset_info'),
  VFIO_DEVICE_PCI_HOT_RESET: takes('vfio_pci_hot_reset'),
  VFIO_DEVICE_QUERY_GFX_PLANE: fills('vfio_device_gfx_plane_info'),
  VFIO_DEVICE_GET_GFX_DMABUF: { argument: 'integer', direction: 'write' },
  VFIO_DEVICE_IOEVENTFD: takes('vfio_device_ioeventfd'),
  VFIO_DEVICE_FEATURE: fills('vfio_device_feature'),
  VFIO_DEVICE_BIND_IOMMUFD: fills('vfio_device_bind_iommufd'),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: fills('vfio_device_attach_iommufd_pt'),
  VFIO_DEVICE_DETACH_IOMMUFD_PT: takes('vfio_device_detach_iommufd_pt'),
  VFIO_MIG_GET_PRECOPY_INFO: fills('vfio_precopy_info'),
  VFIO_IOMMU_GET_INFO: fills('vfio_iommu_type1_info'),
  VFIO_IOMMU_MAP_DMA: takes('vfio_iommu_type1_dma_map'),
  VFIO_IOMMU_UNMAP_DMA: fills('vfio_iommu_type1_dma_unmap'),
  VFIO_IOMMU_ENABLE: none,
  VFIO_IOMMU_DISABLE: none,
  VFIO_IOMMU_DIRTY_PAGES: fills('vfio_iommu_type1_dirty_bitmap'),
  VFIO_IOMMU_SPAPR_TCE_GET_INFO: fills('vfio_iommu_spapr_tce_info'),
  VFIO_EEH_PE_OP: takes('vfio_eeh_pe_op'),
  VFIO_IOMMU_SPAPR_REGISTER_MEMORY: takes('vfio_iommu_spapr_register_memory'),
  VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY: takes('vfio_iommu_spapr_register_memory'),
  VFIO_IOMMU_SPAPR_TCE_CREATE: fills('vfio_iommu_spapr_tce_create'),
  VFIO_IOMMU_SPAPR_TCE_REMOVE: takes('vfio_iommu_spapr_tce_remove'),

  // mm/userfaultfd.c. The first belongs to /dev/userfaultfd: it takes the flags of userfaultfd(2).
  USERFAULTFD_IOC_NEW: value,
  UFFDIO_UNREGISTER: { direction: 'write' },
  UFFDIO_WAKE: { direction: 'write' },

  // fs/fuse/dev.c
  FUSE_DEV_IOC_SYNC_INIT: none,
});
