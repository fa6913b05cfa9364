// CO-RE: instructions that clang wrote for the object's own types become right for the types of a target (libbpf
// relo_core.c). In: the relocation records of .BTF.ext, both BTFs; out: the patched instruction. What the target does not
// have becomes a call that no verifier accepts where it is reached ("poison"), as libbpf does.

import { type Insn, LDDW_CODE } from '../isa/insn.ts';
import { FormatError, UnsupportedError } from '../uapi/errors.ts';
import { type Btf, resolved, sizeOf } from './btf.ts';
import type { ExtCoreRelo } from './btf_ext.ts';
import { CORE, type CoreSpec, isFieldRelo, localSpec, matchSpec, rootName } from './core_spec.ts';
import { essentialName, isEnum, nameOf, sameKind } from './core_types.ts';
import { grouped, once } from './once.ts';

/**
 * Replaces insns[at] (and at + 1 of an lddw). `index` numbers the relocation within its section. Throws UnsupportedError for
 * what can't be made with this target, FormatError for records that are wrong in themselves.
 */
export type CoreRelocator = (insns: Insn[], at: number, relo: ExtCoreRelo, index: number) => void;

/** libbpf's marker in the imm of a poisoned call. */
const POISON = 195896080;

/** Types of the target that an object's relocations are compared with: real ones need a few for each. */
const MAX_COMPARED = 1 << 20;

interface Value {
  readonly value: bigint;
  /** Width of the memory that an access there has; null where that is no question. */
  readonly field: { readonly size: number; readonly resizable: boolean; readonly pointer: boolean } | null;
  /** false: clang wrote another value for the object's own types (bit fields). */
  readonly checked: boolean;
}

/** `target` null: only relocations that need none can be made. */
export function coreRelocator(local: Btf, target: Btf | null): CoreRelocator {
  const candidates = target && candidatesOf(target);
  const known = new Map<string, Value | null>();
  let compared = 0;
  return (insns, at, relo, index) => {
    const own = localSpec(local, relo);
    if (relo.kind === CORE.TYPE_ID_LOCAL) {
      const value: Value = { value: BigInt(relo.type), field: null, checked: false };
      return patch(insns, at, relo, value, value);
    }
    if (target === null || candidates === null) {
      throw new UnsupportedError('CO-RE relocation without the BTF of a target (option btf)');
    }
    const before =
      relo.kind === CORE.TYPE_EXISTS || relo.kind === CORE.TYPE_MATCHES ? presence(1n) : relocated(own, relo);
    const after = once(known, `${relo.kind} ${relo.type} ${relo.access}`, () => {
      if (compared > MAX_COMPARED)
        throw new UnsupportedError(`CO-RE relocation to '${rootName(own)}', after ${compared} comparisons of types,`);
      const ids = candidates(own);
      compared += ids.length;
      return targetValue(own, relo, target, ids);
    });
    if (after === null) return poison(insns, at, index);
    patch(insns, at, relo, before, after);
  };
}

type CandidateFinder = (own: CoreSpec) => number[];

/** A kernel has more than a hundred thousand types: they are sorted once, not for every object. */
const finders = new WeakMap<Btf, CandidateFinder>();

function candidatesOf(target: Btf): CandidateFinder {
  return once(finders, target, () => candidateFinder(target));
}

/** Types of the target that bear the name, flavours aside, and are of the same kind. */
function candidateFinder(target: Btf): CandidateFinder {
  const named = target.types.flatMap((t, id) => (nameOf(t) === '' ? [] : [[essentialName(nameOf(t)), id] as const]));
  const byName = grouped(named);
  return (own) => {
    const t = own.btf.types[own.root];
    return (byName.get(rootName(own)) ?? []).filter((id) => sameKind(t, target.types[id]));
  };
}

const EXISTENCE: readonly number[] = [CORE.FIELD_EXISTS, CORE.TYPE_EXISTS, CORE.TYPE_MATCHES, CORE.ENUMVAL_EXISTS];

function presence(value: bigint): Value {
  return { value, field: null, checked: true };
}

/** null: the target has nothing like it. All candidates that fit have to agree. */
function targetValue(own: CoreSpec, relo: ExtCoreRelo, target: Btf, ids: readonly number[]): Value | null {
  const found = ids.flatMap((id) => {
    const spec = matchSpec(own, relo, target, id);
    return spec === null ? [] : [EXISTENCE.includes(relo.kind) ? presence(1n) : relocated(spec, relo)];
  });
  if (found.length === 0) return EXISTENCE.includes(relo.kind) ? presence(0n) : null;
  if (found.some((v) => v.value !== found[0].value)) {
    throw new UnsupportedError(
      `CO-RE relocation '${relo.access}' of types '${rootName(own)}' of the target, which differ,`,
    );
  }
  return found[0];
}

function relocated(spec: CoreSpec, relo: ExtCoreRelo): Value {
  const plain = (value: bigint): Value => ({ value, field: null, checked: true });
  if (EXISTENCE.includes(relo.kind)) return plain(1n);
  if (isFieldRelo(relo.kind)) return fieldValue(spec, relo.kind);
  if (relo.kind === CORE.TYPE_ID_TARGET) return { value: BigInt(spec.root), field: null, checked: false };
  if (relo.kind === CORE.TYPE_SIZE) return plain(BigInt(sizeOf(spec.btf, spec.root)));
  const t = resolved(spec.btf, spec.root);
  if (!isEnum(t)) throw new FormatError('BTF', `type ${spec.root} is no enum`);
  return plain(t.values[spec.enumerator].value);
}

function fieldValue(spec: CoreSpec, kind: number): Value {
  const last = spec.path[spec.path.length - 1];
  const type = last.kind === 'member' ? last.member.type : last.type;
  const t = resolved(spec.btf, type);
  const width = sizeOf(spec.btf, type);
  const bits = last.kind === 'member' ? last.member.bitSize : 0;
  const place =
    bits === 0 ? { offset: Math.floor(spec.bitOffset / 8), size: width } : bitField(spec.bitOffset, bits, width);
  const pointer = t.kind === 'ptr';
  const resizable = pointer || (t.kind === 'int' && !signed(t));
  const make = (value: number, field: Value['field'] = null): Value => ({
    value: BigInt(value),
    field,
    checked: bits === 0,
  });
  const end = spec.bitOffset + (bits || width * 8) - place.offset * 8;
  switch (kind) {
    case CORE.FIELD_BYTE_OFFSET:
      return make(place.offset, bits === 0 ? { size: width, resizable, pointer } : null);
    case CORE.FIELD_BYTE_SIZE:
      return make(place.size);
    case CORE.FIELD_SIGNED:
      return { ...make(signed(t) ? 1 : 0), checked: true };
    case CORE.FIELD_LSHIFT_U64:
      return make(64 - end);
    default:
      return { ...make(64 - (bits || width * 8)), checked: true };
  }
}

function signed(t: ReturnType<typeof resolved>): boolean {
  return t.kind === 'int' ? (t.encoding & 1) !== 0 : isEnum(t) && t.signed;
}

/** The aligned word that holds a bit field, grown until it does. */
function bitField(bitOffset: number, bits: number, width: number): { offset: number; size: number } {
  let size = width;
  let offset = Math.floor(bitOffset / 8 / size) * size;
  while (bitOffset + bits - offset * 8 > size * 8) {
    if (size >= 8)
      throw new UnsupportedError(`CO-RE relocation of the bit field at bit ${bitOffset}, which no load can hold,`);
    size *= 2;
    offset = Math.floor(bitOffset / 8 / size) * size;
  }
  return { offset, size };
}

function poison(insns: Insn[], at: number, index: number): void {
  const call: Insn = { code: 0x85, dst: 0, src: 0, off: 0, imm: POISON + index };
  const slots = insns[at].code === LDDW_CODE ? [at, at + 1] : [at];
  for (const slot of slots) insns[slot] = call;
}

const SIZE_BITS: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

function patch(insns: Insn[], at: number, relo: ExtCoreRelo, before: Value, after: Value): void {
  const insn = insns[at];
  const fail = (what: string): never => {
    throw new FormatError(
      'BTF.ext',
      `CO-RE relocation at ${relo.offset} of opcode 0x${insn.code.toString(16)}: ${what}`,
    );
  };
  const expect = (value: bigint) => {
    if (before.checked && value !== before.value) fail(`holds ${value}, its types say ${before.value}`);
  };
  const cls = insn.code & 7;
  if (cls === 4 || cls === 7) {
    if ((insn.code & 8) !== 0) fail('has no immediate');
    expect(BigInt.asUintN(32, BigInt(insn.imm)) === BigInt.asUintN(32, before.value) ? before.value : BigInt(insn.imm));
    insns[at] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
  } else if (insn.code === LDDW_CODE) {
    const high = insns[at + 1];
    const imm = (BigInt(high.imm) << 32n) | BigInt.asUintN(32, BigInt(insn.imm));
    expect(BigInt.asUintN(64, imm) === BigInt.asUintN(64, before.value) ? before.value : imm);
    insns[at] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
    insns[at + 1] = { ...high, imm: Number(BigInt.asIntN(32, after.value >> 32n)) };
  } else if (cls >= 1 && cls <= 3) {
    expect(BigInt(insn.off));
    const code = resized(insn.code, before, after);
    if (code === null || after.value > 32767n) {
      throw new UnsupportedError(`CO-RE relocation to a field of ${after.field?.size} bytes at ${after.value}`);
    }
    insns[at] = { ...insn, code, off: Number(after.value) };
  } else {
    fail('can hold no such value');
  }
}

/** The opcode with the width of the target's field; null where that would change what is read. */
function resized(code: number, { field: before }: Value, { field: after }: Value): number | null {
  if (before === null || after === null || before.size === after.size) return code;
  if (!before.resizable || !after.resizable || before.pointer !== after.pointer) return null;
  const bits = SIZE_BITS[after.size];
  return bits === undefined || SIZE_BITS[before.size] !== (code & 0x18) ? null : (code & ~0x18) | bits;
}
