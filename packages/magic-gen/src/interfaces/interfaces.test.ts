import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { noRealHeaders, realHeaders, titled, x86 } from '../../test/host.js';
import { committedModels } from '../committed/models.js';
import { NoHeadersError } from '../errors.js';
import { missingFacts } from '../facts/missing.js';
import { otherFlexCounts } from '../facts/other-flex.js';
import { otherIoctlFacts } from '../facts/other-ioctls.js';
import { buildModel } from '../model/build.js';
import { problems } from '../model/json-schema.js';
import { modelSchema } from '../model/read.js';
import { findTarget, targets } from '../targets/index.js';
import { verify } from '../verify/verify.js';
import { findInterface, findInterfaces, interfaceOf, interfaces, rootsIn, rootsOrNone } from './interfaces.js';

describe('interfaces', () => {
  it('are named one by one, several at once, or all', () => {
    expect(findInterface('virtio').roots).toContain('linux/virtio_ring.h');
    expect(findInterfaces('tun, vhost,tun').map(({ name }) => name)).toEqual(['tun', 'vhost']);
    expect(findInterfaces('all')).toEqual(interfaces);
    expect(() => findInterface('usb')).toThrow(/^unknown interface 'usb'; known: kvm, virtio, /);
  });

  it('are recognized by the headers of a model', () => {
    for (const each of interfaces) expect(interfaceOf({ roots: [...each.roots] })).toBe(each);
    expect(interfaceOf({ roots: ['linux/vhost.h'] })?.name).toBe('vhost');
    expect(interfaceOf({ roots: ['linux/vhost.h', 'linux/kvm.h'] })).toBeUndefined();
    expect(interfaceOf({ roots: [] })).toBeUndefined();
  });

  it('share TypeScript only between architectures that have them', () => {
    for (const { architectures, shared = [] } of interfaces) {
      expect(architectures).toEqual(expect.arrayContaining([...shared]));
      for (const name of architectures) expect(findTarget(name).arch).toBe(name);
    }
  });

  it('are missing where a header set or an architecture has none of their headers', () => {
    const headers = headerSet('', { 'linux/virtio_ids.h': '#define VIRTIO_ID_NET 1\n' });
    expect(rootsIn(headers, findInterface('virtio'), x86)).toEqual(['linux/virtio_ids.h']);
    expect(() => rootsIn(headers, findInterface('vhost'), x86)).toThrow(NoHeadersError);
    expect(() => rootsIn(headers, findInterface('bootparam'), findTarget('arm64'))).toThrow(
      'bootparam is an interface of x86, not of arm64',
    );
    expect(rootsOrNone(headers, findInterface('bootparam'), findTarget('arm64'))).toEqual([]);
  });

  it('of Xen has a header in magic-gen', () => {
    const headers = headerSet('');
    const model = buildModel(headers, x86, rootsIn(headers, findInterface('start-info'), x86));
    const sizes = model.records.map(({ name, size }) => [name, size]);
    expect(sizes).toEqual([
      ['hvm_start_info', 56],
      ['hvm_modlist_entry', 32],
      ['hvm_memmap_table_entry', 24],
    ]);
  });

  it('need exactly the facts that exist', () => {
    const models = interfaces
      .filter(({ name }) => name !== 'kvm')
      .flatMap((each) => [...committedModels(each).values()]);
    expect(models.flatMap(missingFacts)).toEqual([]);
    const ioctls = new Map(models.flatMap((model) => model.ioctls).map((ioctl) => [ioctl.name, ioctl]));
    const records = new Map(models.flatMap((model) => model.records).map((record) => [record.name, record]));
    for (const [name, { record }] of Object.entries(otherIoctlFacts)) {
      expect(ioctls.has(name), name).toBe(true);
      if (record !== undefined) expect(records.has(record), record).toBe(true);
    }
    for (const [name, count] of Object.entries(otherFlexCounts)) {
      expect(
        records.get(name)?.members.map((member) => member.name),
        name,
      ).toContain(count);
    }
  });
});

describe.each(targets)('the real headers for $name', (target) => {
  const reason = noRealHeaders(target);
  const others = interfaces.filter(({ name }) => name !== 'kvm');

  it.skipIf(reason)(titled('of other interfaces are modelled as a compiler sees them', reason), async () => {
    for (const headers of realHeaders(target)) {
      for (const each of others) {
        const roots = rootsOrNone(headers, each, target);
        if (roots.length === 0) continue;
        const model = buildModel(headers, target, roots);
        expect(problems(JSON.parse(JSON.stringify(model)), modelSchema(), true)).toEqual([]);
        expect(await verify(model, headers)).toMatchObject({ interface: each.name, mismatches: [], unchecked: [] });
      }
    }
  });
});

it('no header of magic-gen hides one of the kernel', () => {
  const own = join(import.meta.dirname, '..', '..', 'headers');
  for (const name of ['linux', 'asm', 'asm-generic']) expect(existsSync(join(own, name))).toBe(false);
});
