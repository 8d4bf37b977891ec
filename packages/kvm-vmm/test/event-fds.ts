import type { BackendName, Epoll, EventFd } from '@kvm/core';
import { selectBackend } from '../../kvm-core/src/backend/select.js';
import { Epoll as EpollClass } from '../../kvm-core/src/vm/epoll.js';
import { EventFd as EventFdClass } from '../../kvm-core/src/vm/event-fd.js';

/** What a VM makes, without KVM. The classes are those of the sources, and so are their types. */
export function createEventFd(backend: BackendName): EventFd {
  return EventFdClass.create(selectBackend(backend), 0) as unknown as EventFd;
}

export function createEpoll(backend: BackendName): Epoll {
  return EpollClass.create(selectBackend(backend)) as unknown as Epoll;
}
