// Helpers: against what the live kernel answered (helpers_live.ts), and against addresses a broken program could pass.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BoundHelperName, HelperEnv, HelperMock, TraceLine } from '../src/helpers/helper.ts';
import { BOUND_HELPERS, bindHelpers } from '../src/helpers/index.ts';
import { clearRedirect, readRedirect } from '../src/helpers/redirect.ts';
import { controlWord, ctxArea, MEMORY_BASE, PACKET_HEADROOM, packetArea, stackTop } from '../src/memory/layout.ts';
import { World } from '../src/runtime/world.ts';
import { abiOf, abiParams, IMPLEMENTED, PROTOTYPES } from '../src/spec/helpers.ts';
import { XDP_CTX, XDP_FRAME_BYTES } from '../src/spec/xdp.ts';
import { BPF_FLAGS } from '../src/uapi/enums.ts';
import { ERRNO } from '../src/uapi/errno.ts';
import { loadText, runBoth, testKernel } from './harness.ts';
import { ADJUST, CSUM_DIFF, PRINTK, PRINTK_STRING, type PrintkRow } from './helpers_live.ts';
import { type MapShape, mapWorld, u32, u64 } from './map_world.ts';

function bench(shape: MapShape = { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4 }, cpus = 1, cpu = 0) {
  const open = mapWorld(cpus).open(shape);
  const lines: TraceLine[] = [];
  const mocks = new Map<BoundHelperName, HelperMock>();
  const world = new World(cpus, 'virtual', 42);
  const env: HelperEnv = {
    memory: open.memory,
    clock: () => 0x1234_5678_9abc_def0n,
    random: (n) => world.random(n),
    trace: (line) => lines.push(line),
    mapAt: (addr) => (addr === open.kernelMap.placement.addr ? open.kernelMap : undefined),
    mocks,
  };
  const scratch = stackTop(cpu) - 8192;
  const put = (offset: number, bytes: Uint8Array) => {
    open.memory.write(scratch + offset, bytes);
    return scratch + offset;
  };
  const result = () => open.memory.u64(controlWord(cpu, 'result'));
  return { ...open, lines, mocks, put, result, helpers: bindHelpers(env, cpu), mapAddr: open.kernelMap.placement.addr };
}

/** A 64-byte packet with bytes 1..64 as a test run builds it. */
function packet(b: ReturnType<typeof bench>): { ctx: number; data: number } {
  const ctx = ctxArea(0);
  const frame = packetArea(0);
  const data = frame + PACKET_HEADROOM;
  b.memory.bytes(frame, XDP_FRAME_BYTES).fill(0);
  b.memory.write(
    data,
    Uint8Array.from({ length: 64 }, (_, i) => i + 1),
  );
  b.memory.setU32(ctx + XDP_CTX.data, data);
  b.memory.setU32(ctx + XDP_CTX.dataEnd, data + 64);
  b.memory.setU32(ctx + XDP_CTX.dataMeta, data);
  b.memory.setU32(ctx + XDP_CTX.frameStart, frame);
  b.memory.setU32(ctx + XDP_CTX.frameEnd, frame + XDP_FRAME_BYTES);
  return { ctx, data };
}

function fnv1a(bytes: Uint8Array): string {
  let h = 2166136261;
  for (const byte of bytes) h = Math.imul(h ^ byte, 16777619);
  return (h >>> 0).toString(16).padStart(8, '0');
}

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

it('every helper of the spec is bound', () => {
  expect([...BOUND_HELPERS, 'bpf_tail_call'].sort()).toEqual([...IMPLEMENTED].sort());
});

describe('maps', () => {
  it('lookup, update and delete with errnos', () => {
    const { helpers, mapAddr, put, memory } = bench();
    const key = put(0, u32(7));
    const value = put(8, u64(99n));
    expect(helpers.bpf_map_lookup_elem(mapAddr, key)).toBe(0);
    expect(helpers.bpf_map_update_elem(mapAddr, key, value, 2, 0)).toBe(-ERRNO.ENOENT);
    expect(helpers.bpf_map_update_elem(mapAddr, key, value, 0, 0)).toBe(0);
    const at = helpers.bpf_map_lookup_elem(mapAddr, key)! >>> 0;
    expect(memory.u64(at)).toBe(99n);
    expect(helpers.bpf_map_delete_elem(mapAddr, key)).toBe(0);
    expect(helpers.bpf_map_delete_elem(mapAddr, key)).toBe(-ERRNO.ENOENT);
  });

  it("reads and writes this CPU's copy", () => {
    const b = bench({ type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 2 }, 2, 1);
    expect(b.helpers.bpf_map_update_elem(b.mapAddr, b.put(0, u32(1)), b.put(8, u64(5n)), 0, 0)).toBe(0);
    expect(b.map.perCpu(1)).toEqual([u64(0n), u64(5n)]);
    expect(b.memory.u64(b.helpers.bpf_map_lookup_elem(b.mapAddr, b.put(0, u32(1)))! >>> 0)).toBe(5n);
  });
});

describe('ktime, prandom, processor id', () => {
  it('come from the environment', () => {
    const b = bench(undefined, 3, 2);
    expect(b.helpers.bpf_ktime_get_ns()).toBeUndefined();
    expect(b.result()).toBe(0x1234_5678_9abc_def0n);
    expect(b.helpers.bpf_get_smp_processor_id()).toBe(2);
    const world = new World(3, 'virtual', 42);
    for (let i = 0; i < 4; i++) expect(b.helpers.bpf_get_prandom_u32()! >>> 0).toBe(world.random(2));
  });

  it('time since boot is the same clock: nothing sleeps here', async () => {
    const b = bench(undefined, 3, 2);
    expect(b.helpers.bpf_ktime_get_boot_ns()).toBeUndefined();
    expect(b.result()).toBe(0x1234_5678_9abc_def0n);

    const kernel = await testKernel();
    const text = 'call bpf_ktime_get_ns\nr6 = r0\ncall bpf_ktime_get_boot_ns#125\nr0 -= r6\nr0 += 2\nexit';
    const program = loadText(kernel, { name: 'boot', type: 'xdp', text });
    expect(runBoth(kernel, program, { data: new Uint8Array(64) }).retval).toBe(2n);
    kernel.helpers.mock('bpf_ktime_get_boot_ns', () => 1_000_000_005n);
    expect(runBoth(kernel, program, { data: new Uint8Array(64) }).retval).toBe(7n);
    kernel.close();
  });

  it('a seed and a CPU give their own repeatable numbers', () => {
    const take = (seed: number, cpu: number) => {
      const world = new World(2, 'virtual', seed);
      return Array.from({ length: 100 }, () => world.random(cpu));
    };
    expect(take(1, 0)).toEqual(take(1, 0));
    expect(take(1, 0)).not.toEqual(take(1, 1));
    expect(take(1, 0)).not.toEqual(take(2, 0));
    expect(new Set(take(1, 0)).size).toBe(100);
  });
});

describe('bpf_csum_diff', () => {
  it('equals Linux', () => {
    const b = bench();
    for (const [seed, from, to, expected] of CSUM_DIFF) {
      const bytes = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
      const operand = (offset: number, text: string) => (text === '' ? 0 : b.put(offset, bytes(text)));
      b.helpers.bpf_csum_diff(operand(0, from), from.length / 2, operand(64, to), to.length / 2, seed | 0);
      expect({ seed, from, to, result: b.result() }).toEqual({ seed, from, to, result: BigInt(expected) });
    }
  });
});

describe('bpf_xdp_adjust_*', () => {
  it.each(ADJUST)('equals Linux: %s', (row) => {
    const b = bench();
    const { ctx, data } = packet(b);
    const words = row.split(' ');
    const adjust = [b.helpers.bpf_xdp_adjust_head, b.helpers.bpf_xdp_adjust_tail, b.helpers.bpf_xdp_adjust_meta];
    const bound = (field: 'data' | 'dataEnd' | 'dataMeta') => b.memory.u32(ctx + XDP_CTX[field]) - data;
    const seen = words.slice(0, -2).map((word) => {
      const [op, offset] = word.split(':').map(Number);
      const result = adjust[op](ctx, offset);
      return [op, offset, result, bound('data'), bound('dataEnd'), bound('dataMeta')].join(':');
    });
    const left = b.memory.bytes(data + bound('dataMeta'), bound('dataEnd') - bound('dataMeta'));
    expect([...seen, String(left.length), fnv1a(left)]).toEqual(words);
  });

  it('a record that is no packet in a frame is EFAULT', () => {
    const b = bench();
    const { ctx } = packet(b);
    b.memory.setU32(ctx + XDP_CTX.dataEnd, 0);
    expect(b.helpers.bpf_xdp_adjust_tail(ctx, 4)).toBe(-ERRNO.EFAULT);
    expect(b.helpers.bpf_xdp_adjust_head(0, 4)).toBe(-ERRNO.EFAULT);
    expect(b.helpers.bpf_xdp_adjust_meta(b.memory.end - 4, 4)).toBe(-ERRNO.EFAULT);
  });
});

describe('bpf_redirect', () => {
  it('notes the interface; flags abort', () => {
    const { helpers, memory } = bench();
    clearRedirect(memory, 0);
    expect(helpers.bpf_redirect(3, 1, 0)).toBe(0);
    expect(helpers.bpf_redirect(3, 0, 1)).toBe(0);
    expect(readRedirect(memory, 0).kind).toBe('none');
    expect(helpers.bpf_redirect(3, 0, 0)).toBe(4);
    expect(readRedirect(memory, 0)).toEqual({ kind: 'ifindex', index: 3, map: 0 });
  });
});

describe('bpf_redirect_map', () => {
  const devmap: MapShape = { type: 'devmap', keySize: 4, valueSize: 4, maxEntries: 4 };
  it('notes an occupied slot, else answers the lower flag bits', () => {
    const { helpers, memory, map, mapAddr } = bench(devmap);
    map.set(2, 9);
    expect(helpers.bpf_redirect_map(mapAddr, 2, 0, 0, 0)).toBe(4);
    expect(readRedirect(memory, 0)).toEqual({ kind: 'map', index: 2, map: mapAddr });
    for (const action of [0, 1, 2, 3]) expect(helpers.bpf_redirect_map(mapAddr, 1, 0, action, 0)).toBe(action);
    expect(readRedirect(memory, 0).kind).toBe('none');
    expect(helpers.bpf_redirect_map(mapAddr, 4, 0, 2, 0)).toBe(2);
    expect(helpers.bpf_redirect_map(mapAddr, -1, -1, 2, 0)).toBe(2);
    expect(helpers.bpf_redirect_map(mapAddr, 2, 1, 2, 0)).toBe(4);
  });

  it('BROADCAST is a DEVMAP flag; unknown flags abort', () => {
    const { helpers, mapAddr } = bench(devmap);
    expect(helpers.bpf_redirect_map(mapAddr, 1, 0, BPF_FLAGS.BPF_F_BROADCAST, 0)).toBe(4);
    expect(helpers.bpf_redirect_map(mapAddr, 1, 0, 4 | 2, 0)).toBe(0);
    expect(helpers.bpf_redirect_map(mapAddr, 1, 0, 2, 1)).toBe(0);
    const xsk = bench({ ...devmap, type: 'xskmap' });
    expect(xsk.helpers.bpf_redirect_map(xsk.mapAddr, 1, 0, BPF_FLAGS.BPF_F_BROADCAST | 2, 0)).toBe(0);
    const hash = bench();
    expect(hash.helpers.bpf_redirect_map(hash.mapAddr, 1, 0, 2, 0)).toBe(0);
  });
});

describe('bpf_trace_printk', () => {
  const print = (format: string, first: bigint | null) => {
    const b = bench();
    const fmt = b.put(0, latin1(`${format}\0`));
    const hello = b.put(512, latin1('hello'.padEnd(40, '\0')));
    const args = [first ?? BigInt(hello), -42n, 65n].flatMap((a) => [
      Number(BigInt.asIntN(32, a)),
      Number(BigInt.asIntN(32, a >> 32n)),
    ]);
    return { result: b.helpers.bpf_trace_printk(fmt, format.length + 1, ...args), lines: b.lines };
  };
  const utf8 = (text: string) => new TextDecoder().decode(latin1(text)).replace(/\n$/, '');
  const check = (first: bigint | null) => (row: PrintkRow) => {
    const { result, lines } = print(row.format, first);
    expect(result).toBe(row.result);
    expect(lines.length).toBe(row.result < 0 ? 0 : 1);
    if (row.text !== undefined) expect(lines[0].text).toBe(utf8(row.text));
  };
  it.each(PRINTK)('equals Linux: $format', check(0xfedcba9876543210n));
  it.each(PRINTK_STRING)('equals Linux with a string: $format', check(null));

  it('hands on one line per call, cut like the kernel buffer', () => {
    expect(print('hi\n', 0n).lines).toEqual([{ cpu: 0, text: 'hi' }]);
    expect(print('%1000d%100d', 0n).lines[0].text.length).toBe(1023);
  });

  it('a format without its NUL is EINVAL, a string at a bad address is empty', () => {
    const b = bench();
    expect(b.helpers.bpf_trace_printk(b.put(0, latin1('abc')), 3, 0, 0, 0, 0, 0, 0)).toBe(-ERRNO.EINVAL);
    expect(print('[%s]', 16n).lines[0].text).toBe('[]');
    expect(print('[%s]', 2n ** 40n).lines[0].text).toBe('[]');
    expect(print('%pI4', 0n).lines[0].text).toBe('0.0.0.0');
  });

  it('any format ends in a length or an errno', () => {
    const part = fc.constantFrom(
      '%',
      'd',
      's',
      'p',
      'l',
      'I',
      '4',
      'i',
      '6',
      'x',
      '0',
      '-',
      '+',
      ' ',
      '9',
      'k',
      'c',
      '\x01',
      'é',
      '.',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (parts, arg) => {
        const { result, lines } = print(parts.join(''), arg);
        expect(result! >= 0 ? 1 : 0).toBe(lines.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('mocks', () => {
  it('answer by prototype while they are set', () => {
    const { helpers, mocks, result, mapAddr, put } = bench();
    const seen: unknown[] = [];
    mocks.set('bpf_ktime_get_ns', () => 1000n);
    mocks.set('bpf_redirect', (...args) => {
      seen.push(args);
      return -1;
    });
    helpers.bpf_ktime_get_ns();
    expect(result()).toBe(1000n);
    expect(helpers.bpf_redirect(-1, -2, 1)).toBe(-1);
    expect(seen).toEqual([[0xffffffff, 0x1_ffff_fffen]]);
    expect(helpers.bpf_map_delete_elem(mapAddr, put(0, u32(1)))).toBe(-ERRNO.ENOENT);
    mocks.clear();
    expect(helpers.bpf_redirect(3, 0, 0)).toBe(4);
  });
});

describe('addresses and lengths that no verifier would let through', () => {
  const wild = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, -1, MEMORY_BASE, MEMORY_BASE - 1, MEMORY_BASE + 4096, 0x7fffffff, -0x80000000),
  );
  it.each(BOUND_HELPERS)('%s answers and never throws', (name) => {
    const b = bench();
    packet(b);
    const count = abiParams(abiOf(PROTOTYPES[name]));
    fc.assert(
      fc.property(fc.array(wild, { minLength: count, maxLength: count }), fc.boolean(), (args, real) => {
        if (real && count > 0) args[0] = PROTOTYPES[name].args[0] === 'ctx' ? ctxArea(0) : b.mapAddr;
        const result = b.helpers[name](...args);
        if (result !== undefined) expect(Number.isInteger(result)).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(b.heap.checkCanaries()).toEqual([]);
  });
});
