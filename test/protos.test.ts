// Prototypes of all helpers and rows of all map types: complete, named as Linux names them, and in agreement with what
// Linux answered (facts of ../shared, and the live kernel where there is one). What has no implementation is refused by name.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { sharedFile } from '../conformance/shared.ts';
import { runHelpers } from '../conformance/suites/helpers.ts';
import { Kernel, UnsupportedError } from '../src/index.ts';
import { helperName } from '../src/isa/index.ts';
import { decode } from '../src/isa/insn.ts';
import { HELPER_TYPES } from '../src/spec/helper_types.ts';
import {
  abiReturn,
  helperById,
  helperFor,
  helpersOf,
  helpersOfType,
  PROTOTYPES,
  RUNNABLE,
} from '../src/spec/helpers.ts';
import { MAP_TYPES, mapTypeById } from '../src/spec/map_types.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../src/uapi/enums.ts';

const LAST_HELPER = 211;
const rows = Object.entries(PROTOTYPES);

describe('prototypes', () => {
  it('there is one for every helper, under its name', () => {
    const named = rows.map(([name, { id }]) => [id, name] as const).sort((a, b) => a[0] - b[0]);
    expect(named).toEqual(Array.from({ length: LAST_HELPER }, (_, i) => [i + 1, helperName(i + 1)]));
  });

  it('sizes follow memory, fixed sizes and structures are named where the kinds ask for them', () => {
    for (const [name, row] of Object.entries(PROTOTYPES)) {
      const { args, sizes, btf } = helperById(row.id)!;
      args.forEach((kind, i) => {
        const sized = ['mem_rdonly', 'mem_rdonly_or_null', 'mem_write', 'mem_write_or_null', 'uninit_mem'].includes(
          kind,
        );
        expect([name, i, /^size/.test(args[i + 1] ?? '')]).toEqual([name, i, sized]);
        expect([name, i, (sizes?.[i] ?? 0) > 0]).toEqual([name, i, kind.includes('fixed_mem')]);
        if (btf?.[i]) expect(kind).toMatch(/^btf_id/);
      });
      expect(args.length).toBeLessThanOrEqual(5);
    }
  });

  it('variants differ from their row and leave the result as it is', () => {
    for (const [, row] of rows) {
      for (const variant of helperById(row.id)!.variants ?? []) {
        expect(variant).not.toMatchObject({ args: row.args, gpl: helperById(row.id)!.gpl });
        for (const type of variant.types) {
          const own = helperFor(row.id, type, HELPER_TYPES.find((t) => t.type === type)?.attach?.[0] ?? 0);
          if (own) expect(abiReturn(own)).toBe(abiReturn(helperById(row.id)!));
        }
      }
    }
  });

  it('helperFor answers by program type, attach type and variant', () => {
    const { BPF_PROG_TYPE_XDP: XDP, BPF_PROG_TYPE_SCHED_CLS: TC, BPF_PROG_TYPE_SOCKET_FILTER: SOCKET } = BPF_PROG_TYPE;
    expect(helperFor(44, XDP, 0)?.name).toBe('bpf_xdp_adjust_head');
    expect(helperFor(44, TC, 0)).toBeUndefined();
    expect(helperFor(17, TC, 0)?.args).toEqual(['ctx']);
    expect(helperFor(17, SOCKET, 0)?.args).toEqual([]);
    expect(helperFor(LAST_HELPER + 1, XDP, 0)).toBeUndefined();
    // connect may bind, bind may not.
    expect(helperFor(64, BPF_PROG_TYPE.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 10)?.name).toBe('bpf_bind');
    expect(helperFor(64, BPF_PROG_TYPE.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 8)).toBeUndefined();
    expect(helpersOfType(-1).map((h) => h.id)).toEqual([1, 2, 3, 5, 6, 7, 8, 12]);
  });

  const types = sharedFile('facts', 'helpers-by-progtype.json');
  if (types === null) console.log('protos: facts skipped, ../shared/facts is absent');
  it.skipIf(types === null)('every program type may call what Linux lets it call', () => {
    const facts: {
      by_prog_type: Record<string, { prog_type: number; expected_attach_type: number; helpers: number[] }>;
    } = JSON.parse(readFileSync(types as string, 'utf8'));
    for (const [name, row] of Object.entries(facts.by_prog_type)) {
      const ours = [...helpersOf(row.prog_type, row.expected_attach_type)].sort((a, b) => a - b);
      // Types that could not be loaded were not asked.
      if (row.helpers.length > 0) expect([name, ours]).toEqual([name, row.helpers]);
    }
  });
});

describe('map types', () => {
  it('there is a row for every one', () => {
    const ids = new Set(Object.values(BPF_MAP_TYPE).filter((id) => id > 0 && id < BPF_MAP_TYPE.__MAX_BPF_MAP_TYPE));
    expect([...ids].filter((id) => mapTypeById(id) === undefined)).toEqual([]);
  });

  const file = sharedFile('facts', 'map-semantics.json');
  it.skipIf(file === null)('helpers take the maps that Linux gives them', () => {
    const facts: {
      base_shapes: Record<string, { map_type: number }>;
      helper_compat: Record<string, Record<string, string>>;
    } = JSON.parse(readFileSync(file as string, 'utf8'));
    let compared = 0;
    for (const [key, byMap] of Object.entries(facts.helper_compat)) {
      const helper = helperById(Number(/#(\d+)/.exec(key)?.[1]));
      for (const [map, answer] of Object.entries(byMap)) {
        const id = facts.base_shapes[map]?.map_type;
        const wrongMap = answer.includes('cannot pass map_type') || answer.includes('expected prog array');
        // Other answers come before or after this check.
        if (helper === undefined || id === undefined || (answer !== 'OK' && !wrongMap)) continue;
        expect([key, map, mapTypeById(id)?.helpers.includes(helper.name)]).toEqual([key, map, answer === 'OK']);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });

  it('what can be created has rules, what can not is refused by name', () => {
    expect(MAP_TYPES.every((t) => t.create !== undefined)).toBe(true);
    using kernel = new Kernel();
    const params = { name: 'm', keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
    const missing = Object.values(BPF_MAP_TYPE).find((id) => mapTypeById(id)?.store === 'none');
    if (missing === undefined) return;
    const text = `map 'm': map type ${mapTypeById(missing)!.name} is not supported yet`;
    expect(() => kernel.createMap({ ...params, type: missing })).toThrow(
      new UnsupportedError(`map type ${mapTypeById(missing)!.name}`, text),
    );
  });
});

describe('calls of helpers that can not run', () => {
  const call = (id: number, reached: boolean) =>
    decode(
      Uint8Array.of(
        ...[0xb7, 6, 0, 0, reached ? 0 : 1, 0, 0, 0], // r6 = !reached
        ...[0x55, 6, 1, 0, 0, 0, 0, 0], // if r6 != 0 goto +1
        ...[0x85, 0, 0, 0, id, 0, 0, 0],
        ...[0xb7, 0, 0, 0, 0, 0, 0, 0],
        ...[0x95, 0, 0, 0, 0, 0, 0, 0],
      ),
    );
  const missing = helpersOfType(BPF_PROG_TYPE.BPF_PROG_TYPE_XDP).find(
    (h) => h.args.length === 0 && abiReturn(h) !== 'u32' && !RUNNABLE.some((r) => r.id === h.id),
  );

  it.skipIf(missing === undefined)('are verified; the load says which one', () => {
    using kernel = new Kernel();
    const { name, id } = missing!;
    const load = (reached: boolean) =>
      kernel.loadProgram({ name: 'p', type: 'xdp', insns: call(id, reached), license: 'GPL' }, { jit: 'off' });
    const what = `helper ${name}#${id}`;
    expect(() => load(true)).toThrow(new UnsupportedError(what, `program p: ${what} is not supported yet`));
    // A call that no path reaches is no reason.
    expect(load(false).run({ data: new Uint8Array(64) }).retval).toBe(0);
  });
});

describe('the live kernel', () => {
  const oracle = openOracle((why) => {
    console.log(`protos: live kernel skipped: ${why}`);
  });
  it.skipIf(oracle === null)('agrees on helpers of every kind of argument', () => {
    const quiet = () => ({ step() {}, end() {} });
    const { BPF_PROG_TYPE_SCHED_CLS: TC } = BPF_PROG_TYPE;
    for (const name of ['bpf_skb_load_bytes', 'bpf_strtol', 'bpf_check_mtu', 'bpf_map_peek_elem', 'bpf_get_cgroup']) {
      const report = runHelpers([TC], name, oracle!, quiet);
      expect(report.asked).toBeGreaterThan(10);
      expect(report.different.filter((r) => r.outcome !== 'message')).toEqual([]);
    }
    oracle!.shutdown();
  });
});
