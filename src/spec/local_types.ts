// Structures of a program's own BTF, whose objects it may allocate (bpf_obj_new): what lies where, and which fields the
// kernel keeps for itself. By type id, as instructions and map values refer to them.

import type { KernelTypes } from './kernel_struct.ts';
import type { SpecialField } from './special_fields.ts';

export interface LocalStruct {
  readonly name: string;
  readonly size: number;
  /** What finds it in `layouts`. */
  readonly key: string;
  /** Special fields of its objects, by offset; null = Linux looks for none. */
  readonly fields: readonly SpecialField[] | null;
}

export interface LocalTypes {
  struct(id: number): LocalStruct | undefined;
  readonly layouts: KernelTypes;
  /** Special fields of some structure contradict each other: Linux refuses all of the BTF, programs come without types. */
  readonly refused: boolean;
}
