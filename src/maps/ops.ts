// The map operations as one Wasm instance over a memory. Compiled once, synchronously (the module is 4 kB), so it works
// in browsers too. Addresses come back as i32: `>>> 0` makes them addresses again.

import type { Memory } from '../memory/memory.ts';
import { OPS_WASM_BASE64 } from './ops_wasm.ts';
import type { MapOpName, OpCall } from './placement.ts';

export type MapOps = { readonly [K in MapOpName]: (...args: number[]) => number };

/** The module's bytes: the JIT reads its functions from them to inline them. */
export function mapOpsBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(OPS_WASM_BASE64), (c) => c.charCodeAt(0));
}

let compiled: WebAssembly.Module | undefined;

export function mapOpsModule(): WebAssembly.Module {
  return (compiled ??= new WebAssembly.Module(mapOpsBytes()));
}

export function instantiateMapOps(memory: Memory): MapOps {
  const instance = new WebAssembly.Instance(mapOpsModule(), { env: { memory: memory.wasm } });
  return instance.exports as MapOps;
}

/** The word that a CPU writes into the locks it takes. A CPU that starts again after a death has the next generation. */
export function lockOwner(cpu: number, generation = 0): number {
  return ((generation & 0x7ffff) << 12) | (cpu + 1);
}

/** Calls a map operation; `rest` are the arguments behind its constants. */
export function callOp(ops: MapOps, op: OpCall, ...rest: number[]): number {
  return ops[op.fn](...op.args, ...rest);
}
