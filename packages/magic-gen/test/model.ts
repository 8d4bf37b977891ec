import { buildModel } from '../src/model/build.js';
import type { Model } from '../src/model/model.js';
import type { TargetDescription } from '../src/targets/index.js';
import { headerSet } from './header-set.js';
import { x86 } from './host.js';

/** The model of a text, as if it were a kernel's linux/kvm.h. */
export function modelOf(kvm: string, target: TargetDescription = x86): Model {
  return buildModel(headerSet(kvm), target);
}
