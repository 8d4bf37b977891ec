import type { FlexCounts } from './facts.js';
import { table } from './table.js';

/** As `flexCounts`, for the records of interfaces other than KVM. */
export const otherFlexCounts: FlexCounts = table({
  setup_data: 'len',
  tun_filter: 'count',
  vfio_device_feature_dma_buf: 'nr_ranges',
  vfio_iommu_type1_info_cap_iova_range: 'nr_iovas',
  vfio_pci_hot_reset: 'count',
  vfio_pci_hot_reset_info: 'count',
  vfio_region_info_cap_sparse_mmap: 'nr_areas',
  vhost_features_array: 'count',
  vhost_memory: 'nregions',
  vhost_vdpa_config: 'len',
  virtio_9p_config: 'tag_len',
  virtio_blk_zone_report: 'nr_zones',
  virtio_can_rx: 'length',
  virtio_can_tx_out: 'length',
  virtio_net_ctrl_mac: 'entries',
  virtio_net_hash_config: 'hash_key_length',
  virtio_net_rss_config: 'hash_key_length',
  virtio_net_rss_config_trailer: 'hash_key_length',
});
