// Every helper of spec/helpers.ts IMPLEMENTED that is a function, bound to a CPU. A row without an implementation does not compile.
// Between engine and implementation stands only the mock check: while a helper is mocked, the mock answers.

import { controlWord } from '../memory/layout.ts';
import { abiReturn, PROTOTYPES, type ProtoRow } from '../spec/helpers.ts';
import { BpfError } from '../uapi/errors.ts';
import { checksumHelpers } from './checksum.ts';
import { cpuHelpers } from './cpu.ts';
import { dynptrHelpers } from './dynptr.ts';
import type { BindHelper, BoundHelperName, HelperEnv, HelperImpl, HelperMock, HelperTable } from './helper.ts';
import { mapHelpers } from './map.ts';
import { randomHelpers } from './random.ts';
import { redirectHelpers } from './redirect.ts';
import { skbHelpers } from './skb.ts';
import { skbHeadHelpers } from './skb_head.ts';
import { sockHelpers } from './sock.ts';
import { timeHelpers } from './time.ts';
import { traceHelpers } from './trace.ts';
import { xdpHelpers } from './xdp.ts';

const IMPLEMENTATIONS = {
  ...checksumHelpers,
  ...cpuHelpers,
  ...dynptrHelpers,
  ...mapHelpers,
  ...randomHelpers,
  ...redirectHelpers,
  ...skbHelpers,
  ...skbHeadHelpers,
  ...sockHelpers,
  ...timeHelpers,
  ...traceHelpers,
  ...xdpHelpers,
} as const satisfies Record<BoundHelperName, BindHelper>;

export const BOUND_HELPERS = Object.keys(IMPLEMENTATIONS) as BoundHelperName[];

/** The table of one CPU. */
export function bindHelpers(env: HelperEnv, cpu: number): HelperTable {
  return Object.fromEntries(BOUND_HELPERS.map((name) => [name, bind(name, env, cpu)])) as Record<
    BoundHelperName,
    HelperImpl
  >;
}

/** Eight parameters, the most any helper has: no rest array on the way of a call. */
function bind(name: BoundHelperName, env: HelperEnv, cpu: number): HelperImpl {
  const impl: HelperImpl = (IMPLEMENTATIONS as Record<BoundHelperName, BindHelper>)[name](env, cpu);
  return (a, b, c, d, e, f, g, h) => {
    const mock = env.mocks.size === 0 ? undefined : env.mocks.get(name);
    if (mock === undefined) return impl(a, b, c, d, e, f, g, h);
    return callMock(name, mock, env, cpu, [a, b, c, d, e, f, g, h]);
  };
}

/** Translates between the engines' i32 arguments and a mock's arguments by prototype. */
function callMock(
  name: BoundHelperName,
  mock: HelperMock,
  env: HelperEnv,
  cpu: number,
  args: number[],
): number | undefined {
  const row: ProtoRow = PROTOTYPES[name];
  let at = 0;
  const given = row.args.map((kind) => {
    if (kind === 's32') return args[at++] | 0;
    const lo = args[at++] >>> 0;
    return kind === 'u64' ? (BigInt(args[at++] >>> 0) << 32n) | BigInt(lo) : lo;
  });
  const result = mock(...given) ?? 0;
  if (typeof result !== 'bigint' && !Number.isInteger(result))
    throw new BpfError('EINVAL', `the mock of ${name} returned ${result}: neither a whole number nor a bigint`);
  const kind = abiReturn(row);
  if (kind === 's32' || kind === 'u32') return Number(BigInt.asIntN(32, BigInt(result)));
  if (kind === 'wide') env.memory.setU64(controlWord(cpu, 'result'), BigInt.asUintN(64, BigInt(result)));
  return undefined;
}
