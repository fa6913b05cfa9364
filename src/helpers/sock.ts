// Socket helpers (kernel net/core/filter.c) in a world whose only sockets are those that test runs give to their packets:
// closed ones without a protocol. A lookup therefore finds nothing, and nothing is a TCP socket or listens.

import type { Memory } from '../memory/memory.ts';
import { SOCK_AT } from '../spec/sock.ts';
import type { HelperRows } from './helper.ts';

/** States of sockets that are not full ones: TCP_TIME_WAIT, TCP_NEW_SYN_RECV. */
const MINI_SOCKETS: readonly number[] = [6, 12];

function isFullSocket(memory: Memory, sock: number): boolean {
  return memory.contains(sock, SOCK_AT.size) && !MINI_SOCKETS.includes(memory.u32(sock + SOCK_AT.state));
}

/** NULL: there is no such socket. */
const nothing = () => () => 0;

export const sockHelpers = {
  bpf_sk_fullsock: (env) => (sock) => (isFullSocket(env.memory, sock >>> 0) ? sock : 0),
  bpf_tcp_sock: nothing,
  bpf_get_listener_sock: nothing,
  bpf_sk_lookup_tcp: nothing,
  bpf_sk_lookup_udp: nothing,
  bpf_skc_lookup_tcp: nothing,
  bpf_sk_release: () => () => 0,

  // No cgroup has a class here, and no packet a route.
  bpf_get_cgroup_classid: () => () => 0,
  bpf_get_route_realm: () => () => 0,
} as const satisfies HelperRows;
