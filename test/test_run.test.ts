// Test runs as BPF_PROG_TEST_RUN answers them (numbers seen on Linux 6.18).

import { describe, expect, it } from 'vitest';
import { errorOf, LENGTH, loaded, PASS, packet } from './runtime_rig.ts';

describe('test run of XDP', () => {
  it('needs an Ethernet header', () => {
    const program = loaded(PASS);
    expect(errorOf(() => program.run({ data: packet(64).slice(0, 13) }))).toBe('EINVAL');
    expect(errorOf(() => program.run())).toBe('EINVAL');
    expect(program.run({ data: packet(14) })).toMatchObject({ retval: 2, data: packet(14) });
  });

  // {data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex} of ctx_in and what Linux answered to
  // 64 bytes (300 where data_end is); devices aside: every ifindex exists here.
  it.each([
    [[0, 64, 0, 0, 0, 0], 'ok'],
    [[0, 0, 0, 0, 0, 0], 'ok'],
    [[0, 13, 0, 0, 0, 0], 'ok'],
    [[0, 63, 0, 0, 0, 0], 'ok'],
    [[0, 65, 0, 0, 0, 0], 'EINVAL'],
    [[0, 64, 0, 1, 0, 0], 'ok'],
    [[0, 64, 0, 0, 1, 0], 'EINVAL'],
    [[0, 64, 0, 0, 0, 1], 'EINVAL'],
    [[0, 64, 4, 0, 0, 0], 'EINVAL'],
    [[8, 64, 0, 0, 0, 0], 'ok'],
    [[6, 64, 0, 0, 0, 0], 'EINVAL'],
    [[48, 64, 0, 0, 0, 0], 'ok'],
    [[52, 64, 0, 0, 0, 0], 'EINVAL'],
    [[32, 20, 0, 0, 0, 0], 'EINVAL'],
    [[216, 300, 0, 0, 0, 0], 'ok'],
    [[220, 300, 0, 0, 0, 0], 'EINVAL'],
    [[252, 300, 0, 0, 0, 0], 'EINVAL'],
  ])('ctx_in %j: %s', (md, expected) => {
    const [data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex] = md;
    const ctx = { data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex };
    const input = packet(data_end > 100 ? data_end : 64);
    expect(errorOf(() => loaded(PASS).run({ data: input, ctx }))).toBe(expected);
    if (expected === 'ok') {
      const result = loaded(LENGTH).run({ data: input, ctx });
      expect(result).toMatchObject({ retval: data_end - data, ctx, data: input });
    }
  });

  it('takes the context as bytes, cut or with a tail of zeros', () => {
    const program = loaded('r0 = *(u32 *)(r1 +12)\nexit');
    const words = (...w: number[]) => new Uint8Array(Uint32Array.from(w).buffer);
    expect(program.run({ data: packet(64), ctx: words(0, 64, 0, 7, 3, 0, 0) }).retval).toBe(7);
    expect(program.run({ data: packet(64), ctx: words(0, 64) }).retval).toBe(1);
    expect(errorOf(() => program.run({ data: packet(64), ctx: words(0, 64, 0, 7, 3, 0, 1) }))).toBe('E2BIG');
    expect(errorOf(() => program.run({ data: packet(64), ctx: { dat: 0 } }))).toBe('EINVAL');
    expect(errorOf(() => program.run({ data: packet(64), ctx: { rx_queue_index: 1.5 } }))).toBe('EINVAL');
  });

  it('shows metadata before the packet, and gives it back', () => {
    const text = `
      r2 = *(u32 *)(r1 +8)
      r3 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +1)
      w4 = 9
      *(u8 *)(r2 +0) = r4
      r3 -= r2
      r3 <<= 8
      r0 |= r3
      exit`;
    const result = loaded(text).run({ data: packet(64), ctx: { data: 8 } });
    expect(result.retval).toBe(0x801);
    expect(result.data).toEqual(Uint8Array.from([9, ...packet(64).slice(1)]));
  });

  it('cuts a packet longer than a page as Linux does, and puts the rest behind the output', () => {
    const result = loaded(LENGTH).run({ data: packet(5000) });
    expect([result.retval, result.data]).toEqual([3520, packet(5000)]);
  });

  it('moves the bounds of the packet', () => {
    const adjust = (helper: string, by: number) => `
      r6 = r1
      r2 = ${by}
      call ${helper}
      r7 = r0
      if r0 != 0 goto out
      r2 = *(u32 *)(r6 +0)
      r7 = *(u32 *)(r6 +4)
      r7 -= r2
    out:
      r0 = r7
      exit`;
    const run = (helper: string, by: number) => {
      const { retval, data, ctx } = loaded(adjust(helper, by)).run({ data: packet(64) });
      return [retval | 0, data.length, ctx.data];
    };
    expect(run('bpf_xdp_adjust_head', -8)).toEqual([72, 72, 0]);
    expect(run('bpf_xdp_adjust_head', 8)).toEqual([56, 56, 0]);
    expect(run('bpf_xdp_adjust_head', 51)).toEqual([-22, 64, 0]);
    expect(run('bpf_xdp_adjust_head', -216)).toEqual([280, 280, 0]);
    expect(run('bpf_xdp_adjust_head', -217)).toEqual([-22, 64, 0]);
    expect(run('bpf_xdp_adjust_tail', 16)).toEqual([80, 80, 0]);
    expect(run('bpf_xdp_adjust_tail', 3520 - 64)).toEqual([3520, 3520, 0]);
    expect(run('bpf_xdp_adjust_tail', 3521 - 64)).toEqual([-22, 64, 0]);
    expect(run('bpf_xdp_adjust_meta', -4)).toEqual([64, 68, 4]);
  });

  it('repeats over the packet as it is, and measures', () => {
    const text = `
      r2 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +0)
      r0 += 1
      *(u8 *)(r2 +0) = r0
      exit`;
    const result = loaded(text).run({ data: packet(64), repeat: 5 });
    expect([result.retval, result.data[0]]).toEqual([5, 5]);
    expect(result.duration).toBeGreaterThanOrEqual(0);
    expect(errorOf(() => loaded(PASS).run({ data: packet(64), repeat: -1 }))).toBe('EINVAL');
  });

  it('says where a packet was redirected', () => {
    const program = loaded('r1 = 7\nr2 = 0\ncall bpf_redirect\nexit');
    expect(program.run({ data: packet(64) })).toMatchObject({ retval: 4, redirect: { kind: 'ifindex', ifindex: 7 } });
    expect(loaded(PASS).run({ data: packet(64) }).redirect).toBeNull();
  });
});

describe('test run of socket filters', () => {
  const field = (off: number, size = 'u32') => loaded(`r0 = *(${size} *)(r1 +${off})\nexit`, { type: 'socket_filter' });

  it('shows the packet behind its Ethernet header, which the output has as zeros', () => {
    const result = field(0).run({ data: packet(64) });
    expect(result.retval).toBe(50);
    expect(result.data).toEqual(Uint8Array.from([...new Uint8Array(14), ...packet(64).slice(14)]));
    expect(result.ctx).toMatchObject({ ifindex: 1, wire_len: 0, len: 0 });
    expect(field(0).run({ data: packet(64), ctx: {} }).ctx).toMatchObject({ ifindex: 1, wire_len: 50, len: 0 });
  });

  it.each([
    [4, 3],
    [8, 0],
    [16, 0x0008],
    [36, 0],
    [40, 1],
  ])('__sk_buff + %i is %i', (off, value) => {
    expect(field(off).run({ data: packet(64) }).retval).toBe(value);
  });

  it.each([
    [0x0800, 34],
    [0x86dd, 54],
    [0x0806, 14],
    [0x0100, 14],
  ])('Ethernet type 0x%s takes packets from %i bytes on', (etherType, least) => {
    expect(errorOf(() => field(0).run({ data: packet(64, etherType).slice(0, least - 1) }))).toBe('EINVAL');
    expect(field(0).run({ data: packet(64, etherType).slice(0, least) }).retval).toBe(least - 14);
  });

  it('takes some members of __sk_buff and refuses the others', () => {
    const run = (ctx: Record<string, number>) => field(8).run({ data: packet(64), ctx });
    const given = { mark: 7, priority: 3, ingress_ifindex: 5 };
    expect(run(given)).toMatchObject({ retval: 7, ctx: { ...given, ifindex: 1, wire_len: 50 } });
    expect(errorOf(() => run({ len: 50 }))).toBe('EINVAL');
    expect(errorOf(() => run({ wire_len: 49 }))).toBe('EINVAL');
    expect(errorOf(() => run({ data_end: 64 }))).toBe('ok');
  });

  // The same loads on Linux 6.18; a failed one leaves with r0 = 0.
  it.each([
    [0, 0x0f],
    [49, 0x40],
    [50, 0],
    [-0x1000, 0],
    [-0x100000, 0x0f],
    [-0x100000 + 49, 0x40],
    [-0x100000 + 50, 0],
    [-0x200000, 0x01],
    [-0x200000 + 13, 0x01],
    [-0x200000 - 1, 0],
  ])('packet load at %i', (k, expected) => {
    const abs = loaded(`r6 = r1\nr0 = *(u8 *)skb[${k}]\nr0 += 1\nexit`, { type: 'socket_filter' });
    const ind = loaded(`r6 = r1\nr2 = ${k - 3}\nr0 = *(u8 *)skb[r2 + 3]\nr0 += 1\nexit`, { type: 'socket_filter' });
    expect([abs, ind].map((p) => p.run({ data: packet(64) }).retval)).toEqual([expected, expected]);
  });
});

describe('type raw', () => {
  it('gets the address and length of its memory and returns 64 bits', () => {
    const program = loaded('*(u8 *)(r1 +1) = 9\nr0 = *(u64 *)(r1 +0)\nr0 += r2\nexit', { type: 'raw' });
    const result = program.run64({ data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0x80) });
    expect(result.retval).toBe(0x8007060504030909n);
    expect(result.data[1]).toBe(9);
    expect(program.run({ data: new Uint8Array(8) }).retval).toBe(0x908);
  });

  it('has no context', () => {
    expect(errorOf(() => loaded(PASS, { type: 'raw' }).run({ ctx: {} }))).toBe('EINVAL');
  });
});
