// `btf FILE`: the types of a kernel, for CO-RE relocations and for what programs are bound to (/sys/kernel/btf/vmlinux). Who
// opens objects takes the bytes, who verifies programs the types: both of the same file.

import { readKernelTypes } from '../loader/kernel_btf.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { parsed } from './files.ts';
import type { Words } from './words.ts';

export interface KernelBtf {
  readonly bytes: Uint8Array;
  readonly types: KernelTypes;
}

/** The file that the next word names. Read before objects are: they are not to blame for it. */
export function takeKernelBtf(words: Words): KernelBtf {
  return parsed(words.take('file of BTF'), (bytes) => ({ bytes, types: readKernelTypes(bytes) }));
}

/** As an option of verify() and of Kernel.load(). */
export function kernelTypes(btf: KernelBtf | undefined): { readonly kernelTypes?: KernelTypes } {
  return btf === undefined ? {} : { kernelTypes: btf.types };
}
