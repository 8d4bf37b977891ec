export * from '../index.js';
export { addressLimit, enterMode, type Mode, type ModeSetup, modes, tablesSize } from './mode.js';
export { identityMap, identityMapSize } from './paging.js';
export { Cr0, Cr4, Efer, PageFlag, Rflags, SegmentType } from './registers.js';
export {
  code32,
  code64,
  data,
  descriptor,
  descriptorTable,
  realCode,
  realData,
  type Segment,
  task,
} from './segments.js';
