// `prog show OBJ`: the programs of an object as `bpftool prog show` lists loaded ones; nothing is verified.

import { createHash } from 'node:crypto';
import { encode, type Insn, LDDW_CODE } from '../isa/insn.ts';
import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import { progTypeById } from '../spec/prog_types.ts';
import type { Answer, Command } from './command.ts';
import { readObject } from './files.ts';
import { type KernelBtf, takeKernelBtf } from './kernel_btf.ts';

export interface ProgramInfo {
  readonly name: string;
  /** null: no known type. */
  readonly type: string | null;
  readonly section: string;
  readonly tag: string;
  readonly gpl_compatible: boolean;
  readonly bytes_xlated: number;
  readonly functions: readonly string[];
  readonly maps: readonly string[];
  readonly autoload: boolean;
  /** What keeps it from being loaded. */
  readonly unsupported?: string;
}

const GPL_COMPATIBLE = ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL'];

/** Kernel bpf_prog_calc_tag: SHA-1 of the instructions with map references zeroed, first 8 bytes. */
export function programTag(insns: readonly Insn[]): string {
  const isMap = (i: Insn | undefined) => i?.code === LDDW_CODE && (i.src === 1 || i.src === 2);
  const plain = insns.map((insn, at) => (isMap(insn) || isMap(insns[at - 1]) ? { ...insn, imm: 0 } : insn));
  return createHash('sha1').update(encode(plain)).digest('hex').slice(0, 16);
}

export function programInfo(object: ObjectSpec, program: ProgramSpec): ProgramInfo {
  return {
    name: program.name,
    type: program.type === null ? null : (progTypeById(program.type)?.name ?? null),
    section: program.section,
    tag: programTag(program.insns),
    gpl_compatible: GPL_COMPATIBLE.includes(object.license),
    bytes_xlated: program.insns.length * 8,
    functions: [...program.functions.values()],
    maps: [...new Set(program.relocs.map((r) => r.map))],
    autoload: program.autoload,
    ...(program.unsupported === undefined ? {} : { unsupported: program.unsupported }),
  };
}

function text(p: ProgramInfo): string {
  const extra = [
    `\txlated ${p.bytes_xlated}B  section ${p.section}`,
    ...(p.functions.length > 1 ? [`\tfunctions ${p.functions.join(',')}`] : []),
    ...(p.maps.length > 0 ? [`\tmaps ${p.maps.join(',')}`] : []),
    ...(p.unsupported === undefined ? [] : [`\tneeds ${p.unsupported}: can't be loaded here`]),
    ...(p.autoload ? [] : ['\tnot loaded unless named']),
  ];
  return [`${p.type ?? 'unspec'}  name ${p.name}  tag ${p.tag}${p.gpl_compatible ? '  gpl' : ''}`, ...extra].join('\n');
}

export const progShow: Command = {
  words: ['prog', 'show'],
  usage: 'OBJ [btf FILE]',
  summary: 'list the programs of an object file',
  run({ words }): Answer {
    const path = words.take('object file');
    let btf: KernelBtf | undefined;
    words.keywords({
      btf: (w) => {
        btf = takeKernelBtf(w);
      },
    });
    const object = readObject(path, btf);
    const programs = Object.values(object.programs).map((p) => programInfo(object, p));
    return { json: programs, text: () => programs.map(text).join('\n') };
  },
};
