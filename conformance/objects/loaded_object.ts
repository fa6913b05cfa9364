// One object file, loaded somewhere: what the live kernel and beewasm can both do with it, so that the same steps can be
// replayed on each and compared.

export interface PacketRun {
  /** 0, or the negative errno of the test run; then the rest is empty. */
  readonly rc: number;
  readonly retval: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
}

export interface LoadedObject {
  readonly name: string;
  /** How many values a per-CPU entry has here. */
  readonly cpus: number;
  /** Sets an entry, on a per-CPU map to the same value for every CPU. 0 or -errno. */
  update(map: string, key: Uint8Array, value: Uint8Array): number;
  /** Puts a program of the object into a slot of a PROG_ARRAY. 0 or -errno. */
  setProgram(map: string, index: number, program: string): number;
  run(program: string, data: Uint8Array): PacketRun;
  /** Every entry in the map's own order; of a per-CPU map CPU 0's value. */
  dump(map: string): [key: Uint8Array, value: Uint8Array][];
  close(): void;
}
