// .BTF.ext: which function and which C line an instruction belongs to, and where CO-RE relocations are, per section.
// Offsets are bytes from the start of the ELF section, as clang writes them.

import { FormatError } from '../uapi/errors.ts';
import type { Btf } from './btf.ts';
import { Reader } from './reader.ts';

const BTF_MAGIC = 0xeb9f;

export interface ExtFunc {
  readonly offset: number;
  readonly type: number;
}
export interface ExtLine {
  readonly offset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}
export interface ExtCoreRelo {
  readonly offset: number;
  readonly type: number;
  /** 'a:b:c' indices, or the value index of an enum. */
  readonly access: string;
  /** enum bpf_core_relo_kind. */
  readonly kind: number;
}

/** Records by section name. */
export interface BtfExt {
  readonly funcs: ReadonlyMap<string, readonly ExtFunc[]>;
  readonly lines: ReadonlyMap<string, readonly ExtLine[]>;
  readonly coreRelos: ReadonlyMap<string, readonly ExtCoreRelo[]>;
}

export const NO_BTF_EXT: BtfExt = { funcs: new Map(), lines: new Map(), coreRelos: new Map() };

/** Parses a whole .BTF.ext section against the strings of `btf`. */
export function readBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const file = new Reader(bytes, 'BTF.ext', 'header');
  if (file.u16(0) !== BTF_MAGIC) file.fail('wrong magic');
  if (file.u8(2) !== 1) file.fail(`version ${file.u8(2)} is not 1`);
  const headerLength = file.u32(4);
  if (headerLength < 24) file.fail(`header length ${headerLength} is below 24`);
  const part = (at: number, what: string) => {
    // Headers of 24 bytes (before CO-RE) have no third part.
    const size = at + 8 <= headerLength ? file.u32(at + 4) : 0;
    return new Reader(size === 0 ? new Uint8Array(0) : file.slice(headerLength + file.u32(at), size), 'BTF.ext', what);
  };
  return {
    funcs: readRecords(part(8, 'func_info'), 8, btf, (r, at) => {
      const type = r.u32(at + 4);
      if (type >= btf.types.length)
        throw new FormatError('BTF.ext', `func_info names type ${type}, which does not exist`);
      return { offset: r.u32(at), type };
    }),
    lines: readRecords(part(16, 'line_info'), 16, btf, (r, at) => {
      const where = r.u32(at + 12);
      return {
        offset: r.u32(at),
        file: btf.string(r.u32(at + 4)),
        text: btf.string(r.u32(at + 8)),
        line: where >>> 10,
        column: where & 0x3ff,
      };
    }),
    coreRelos: readRecords(part(24, 'core_relo'), 16, btf, (r, at) => ({
      offset: r.u32(at),
      type: r.u32(at + 4),
      access: btf.string(r.u32(at + 8)),
      kind: r.u32(at + 12),
    })),
  };
}

/** u32 record size, then per section: u32 name, u32 count, records. */
function readRecords<T>(r: Reader, minSize: number, btf: Btf, read: (r: Reader, at: number) => T): Map<string, T[]> {
  const bySection = new Map<string, T[]>();
  if (r.length === 0) return bySection;
  const size = r.u32(0);
  if (size < minSize || size % 4 !== 0) r.fail(`record size is ${size}`);
  for (let at = 4; at < r.length; ) {
    const name = btf.string(r.u32(at));
    const count = r.u32(at + 4);
    at += 8;
    r.slice(at, count * size); // the whole group is there before anything is allocated for it
    const records = bySection.get(name) ?? [];
    bySection.set(name, records);
    for (let i = 0; i < count; i++, at += size) records.push(read(r, at));
  }
  return bySection;
}
