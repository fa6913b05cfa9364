// A random program with all it needs to run: plain data that is the same wherever it runs, and its form as JSON (a case).

import { decode, encode, type Insn, type InsnIndex } from '../../src/isa/insn.ts';
import { FormatError } from '../../src/uapi/errors.ts';
import type { MapRef } from '../../src/verifier/verified.ts';

/** Instructions; mapRefs count the maps of world.ts. */
export interface Code {
  readonly insns: readonly Insn[];
  readonly mapRefs: ReadonlyMap<InsnIndex, MapRef>;
}

export type FuzzType = 'raw' | 'xdp' | 'socket_filter';

export interface FuzzProgram {
  readonly type: FuzzType;
  /** false: the verifier is not asked (it would refuse), and neither is Linux. */
  readonly verify: boolean;
  readonly main: Code;
  /** What slot TARGET_SLOT of the program array holds; `main` itself is in MAIN_SLOT. null: both are empty. */
  readonly target: Code | null;
  /** The packet, or the memory of a raw program. */
  readonly data: Uint8Array;
}

export const TARGET_SLOT = 0;
export const MAIN_SLOT = 1;

/** A program that once made a difference. */
export interface Case extends FuzzProgram {
  readonly name: string;
  /** What went wrong, and when. */
  readonly about: string;
}

interface CodeJson {
  readonly insns: string;
  readonly maps: readonly {
    readonly insn: number;
    readonly map: number;
    readonly kind: 'fd' | 'value';
    readonly off: number;
  }[];
}

export function caseToJson(c: Case): string {
  const { name, about, type, verify, main, target, data } = c;
  const plain = {
    name,
    about,
    type,
    verify,
    data: hex(data),
    main: codeToJson(main),
    target: target && codeToJson(target),
  };
  return `${JSON.stringify(plain, null, 1)}\n`;
}

export function caseFromJson(text: string): Case {
  const json = JSON.parse(text) as Omit<Case, 'main' | 'target' | 'data'> & {
    main: CodeJson;
    target: CodeJson | null;
    data: string;
  };
  if (!['raw', 'xdp', 'socket_filter'].includes(json.type)) throw new FormatError('fuzz case', `type ${json.type}`);
  return {
    ...json,
    main: codeFromJson(json.main),
    target: json.target && codeFromJson(json.target),
    data: unhex(json.data),
  };
}

function codeToJson({ insns, mapRefs }: Code): CodeJson {
  return { insns: hex(encode(insns)), maps: [...mapRefs].map(([insn, ref]) => ({ insn, ...ref })) };
}

function codeFromJson({ insns, maps }: CodeJson): Code {
  return { insns: decode(unhex(insns)), mapRefs: new Map(maps.map(({ insn, ...ref }) => [insn, ref])) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
