import { interfaceOf } from '../interfaces/interfaces.js';
import { hasName } from '../model/lookup.js';
import type { Model } from '../model/model.js';
import { historyNamed } from './file.js';
import { emptyHistory, firstKernel, type History, knownKernels } from './history.js';
import { type Kind, memberName, ownersOf } from './names.js';

/** The model, with the first known kernel of each thing in it. */
export function withHistory(model: Model, history: History = publishedHistory(model)): Model {
  const since = (kind: Kind, name: string | undefined): { since?: string } => {
    const kernel = name === undefined ? undefined : firstKernel(history, kind, name, model.arch);
    return kernel === undefined ? {} : { since: kernel };
  };
  const owners = ownersOf(model.records);
  return {
    ...model,
    knownKernels: knownKernels(history),
    constants: model.constants.map((constant) => ({ ...constant, ...since('constant', constant.name) })),
    functions: model.functions.map((each) => ({ ...each, ...since('function', each.name) })),
    ioctls: model.ioctls.map((ioctl) => ({ ...ioctl, ...since('ioctl', ioctl.name) })),
    foreignIoctls: model.foreignIoctls.map((ioctl) => ({ ...ioctl, ...since('ioctl', ioctl.name) })),
    records: model.records.map((record) => ({
      ...record,
      ...since('record', hasName(record) ? record.name : undefined),
      members: record.members.map((member) => ({ ...member, ...since('member', memberName(record, member, owners)) })),
    })),
  };
}

/** Headers that belong to no known interface have no history. */
function publishedHistory(model: Model): History {
  const each = interfaceOf(model);
  return each ? historyNamed(each.name) : emptyHistory;
}
