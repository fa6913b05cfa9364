// Reads vectors files (JSON arrays of rows) into typed rows: verifier rows with Linux's verdict, and ISA rows with the
// expected r0. Every field is checked: a bad row is a FormatError that names the row and the field.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decode, type Insn } from '../src/isa/insn.ts';
import { isSpecialType, type SpecialField } from '../src/spec/special_fields.ts';
import { BPF_FLAGS } from '../src/uapi/enums.ts';
import { BeewasmError, FormatError } from '../src/uapi/errors.ts';
import type { MapDef, MapRef, ProgramInput } from '../src/verifier/verified.ts';

export interface Verdict {
  readonly verdict: 'ACCEPT' | 'REJECT';
  readonly errno: string | null;
  readonly processed: number | null;
  readonly message: string | null;
}

export interface VerifierRow {
  readonly id: string;
  readonly name: string;
  readonly theme: string;
  readonly input: ProgramInput;
  readonly kernel: Verdict;
  /** Verdict with CAP_BPF alone. */
  readonly capBpfOnly: Pick<Verdict, 'verdict' | 'message'> | null;
  /** One BPF_PROG_TEST_RUN: the packet and the result. */
  readonly run: { readonly data: Uint8Array; readonly retval: number } | null;
  readonly helpers: readonly number[];
}

export interface IsaRow {
  readonly name: string;
  readonly mem: Uint8Array;
  readonly insns: readonly Insn[];
  readonly expectedR0: bigint;
  /** The message it must fail with; then there is no r0. */
  readonly expectedError?: string;
  /** Linux's retval of the same program, where it runs it. */
  readonly kernelRetval: bigint | null;
  /** What Linux answered to a load that must be refused. */
  readonly kernelErrno: string | null;
  readonly kernelMessage: string | null;
}

export function readVerifierRows(path: string): VerifierRow[] {
  return rowsOf(path, (row) => verifierRow(row, dirname(path)));
}

/** The rows as a loader without CAP_PERFMON meets them: those that say what Linux answers it. */
export function withoutPerfmon(rows: readonly VerifierRow[]): VerifierRow[] {
  return rows.flatMap((row) =>
    row.capBpfOnly === null ? [] : [{ ...row, kernel: { ...row.capBpfOnly, errno: null, processed: null }, run: null }],
  );
}

export function readIsaRows(path: string): IsaRow[] {
  return rowsOf(path, isaRow);
}

/** An object being read, with its place for messages. */
interface Node {
  readonly at: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function rowsOf<T>(path: string, read: (row: Node) => T): T[] {
  const rows = parse(path);
  if (!Array.isArray(rows)) throw new FormatError('vectors', `${path}: not a JSON array`);
  return rows.map((row, i) => {
    const id = typeof row?.id === 'string' ? row.id : row?.name;
    return read(node(row, `row ${i}${typeof id === 'string' ? ` (${id})` : ''}`));
  });
}

function parse(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('vectors', `${path}: not JSON`);
  }
}

function readText(path: string): string {
  return Buffer.from(readBytes(path)).toString('utf8');
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BeewasmError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
}

function verifierRow(row: Node, folder: string): VerifierRow {
  const program = child(row, 'program');
  const kernel = child(row, 'kernel');
  const capBpf = row.fields.kernel_capbpf_only == null ? null : child(row, 'kernel_capbpf_only');
  const run = row.fields.run == null ? null : child(row, 'run');
  const name = str(row, 'name');
  const maps = children(row, 'maps').map(mapDef);
  const insns =
    program.fields.insns_file === undefined
      ? insnsOf(program, hex(program, 'insns'))
      : insnsOf(program, readBytes(join(folder, str(program, 'insns_file'))));
  if (num(program, 'n_insns') !== insns.length) fail(program, 'n_insns', `${insns.length} instructions`);
  return {
    id: str(row, 'id'),
    name,
    theme: str(row, 'theme'),
    input: {
      name,
      type: num(program, 'type'),
      expectedAttachType: num(program, 'expected_attach_type'),
      flags: num(program, 'flags'),
      license: str(program, 'license'),
      insns,
      maps,
      mapRefs: new Map(children(row, 'map_refs').map((r) => mapRef(r, maps.length, insns.length))),
    },
    kernel: {
      verdict: verdict(kernel),
      errno: strOrNull(kernel, 'errno'),
      processed: kernel.fields.processed == null ? null : num(kernel, 'processed'),
      message: strOrNull(kernel, 'message'),
    },
    capBpfOnly: capBpf && { verdict: verdict(capBpf), message: strOrNull(capBpf, 'message') },
    run: run && { data: hex(run, 'data'), retval: num(run, 'retval') },
    helpers: Array.isArray(row.fields.helpers) ? row.fields.helpers.filter((h) => typeof h === 'number') : [],
  };
}

function mapDef(map: Node): MapDef {
  const flags = num(map, 'map_flags');
  const contents = map.fields.value0 === undefined ? undefined : hex(map, 'value0');
  return {
    name: map.fields.name === undefined ? 'inner' : str(map, 'name'),
    type: num(map, 'type'),
    keySize: num(map, 'key_size'),
    valueSize: num(map, 'value_size'),
    maxEntries: num(map, 'max_entries'),
    flags,
    ...(contents && { contents }),
    // A read-only map that comes with contents stands for .rodata.
    ...(contents && flags & BPF_FLAGS.BPF_F_RDONLY_PROG && { frozen: true }),
    ...(map.fields.inner !== undefined && { inner: mapDef(child(map, 'inner')) }),
    ...(map.fields.special_fields !== undefined && {
      specialFields: children(map, 'special_fields').map(specialField),
    }),
  };
}

function specialField(field: Node): SpecialField {
  const type = str(field, 'type');
  if (!isSpecialType(type)) fail(field, 'type', 'the name of a special field');
  return { type: type as SpecialField['type'], offset: num(field, 'offset') };
}

function mapRef(ref: Node, maps: number, slots: number): [number, MapRef] {
  const map = num(ref, 'map');
  const insn = num(ref, 'insn');
  const kind = str(ref, 'kind');
  if (map >= maps) fail(ref, 'map', `below ${maps}`);
  if (insn >= slots) fail(ref, 'insn', `below ${slots}`);
  if (kind !== 'fd' && kind !== 'value') fail(ref, 'kind', "'fd' or 'value'");
  return [insn, { map, kind: kind as 'fd' | 'value', off: num(ref, 'off') }];
}

function isaRow(row: Node): IsaRow {
  const { kernel_retval, kernel_errno, kernel_msg } = row.fields;
  return {
    name: str(row, 'name'),
    mem: row.fields.mem === undefined ? new Uint8Array(0) : hex(row, 'mem'),
    insns: insnsOf(row, hex(row, 'insns')),
    expectedR0: big(row, 'expected_r0'),
    kernelRetval: kernel_retval == null ? null : big(row, 'kernel_retval'),
    kernelErrno: kernel_errno == null ? null : str(row, 'kernel_errno'),
    kernelMessage: kernel_msg == null ? null : str(row, 'kernel_msg'),
  };
}

function insnsOf(at: Node, bytes: Uint8Array): Insn[] {
  if (bytes.length % 8 !== 0) fail(at, 'insns', 'a multiple of 8 bytes');
  return decode(bytes);
}

function verdict(at: Node): 'ACCEPT' | 'REJECT' {
  const v = at.fields.verdict;
  if (v !== 'ACCEPT' && v !== 'REJECT') fail(at, 'verdict', 'ACCEPT or REJECT');
  return v as 'ACCEPT' | 'REJECT';
}

function fail(at: Node, field: string, expected: string): never {
  throw new FormatError('vectors', `${at.at}: ${field} must be ${expected}`);
}

function node(value: unknown, at: string): Node {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError('vectors', `${at} must be an object`);
  }
  return { at, fields: value as Record<string, unknown> };
}

function child(at: Node, field: string): Node {
  return node(at.fields[field], `${at.at}: ${field}`);
}

function children(at: Node, field: string): Node[] {
  const list = at.fields[field];
  if (!Array.isArray(list)) fail(at, field, 'an array');
  return (list as unknown[]).map((value, i) => node(value, `${at.at}: ${field}[${i}]`));
}

function str(at: Node, field: string): string {
  const value = at.fields[field];
  return typeof value === 'string' ? value : fail(at, field, 'a string');
}

function strOrNull(at: Node, field: string): string | null {
  return at.fields[field] == null ? null : str(at, field);
}

function num(at: Node, field: string): number {
  const value = at.fields[field];
  return Number.isSafeInteger(value) ? (value as number) : fail(at, field, 'an integer');
}

/** A number, or a 0x-prefixed hex string. */
function big(at: Node, field: string): bigint {
  const value = at.fields[field];
  if (Number.isSafeInteger(value)) return BigInt.asUintN(64, BigInt(value as number));
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(value)) fail(at, field, 'a number or 0x-hex string');
  return BigInt(value as string);
}

function hex(at: Node, field: string): Uint8Array {
  const value = str(at, field);
  if (value.length % 2 !== 0 || /[^0-9a-f]/i.test(value)) fail(at, field, 'hex bytes');
  return Uint8Array.from(Buffer.from(value, 'hex'));
}
