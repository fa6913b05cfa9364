// The live kernel as what objects are made for: its types (CO-RE, kernel structures) and configuration (__kconfig), where
// the machine shows them; nothing where it doesn't.

import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { OpenOptions } from '../../src/loader/index.ts';
import { readKernelTypes } from '../../src/loader/kernel_btf.ts';
import type { VerifyOptions } from '../../src/verifier/index.ts';

export interface LiveTarget {
  readonly open: OpenOptions;
  readonly verify: VerifyOptions;
}

const VMLINUX = '/sys/kernel/btf/vmlinux';
const CONFIG = '/proc/config.gz';
const SYMBOLS = '/proc/kallsyms';

export function liveTarget(): LiveTarget {
  const btf = existsSync(VMLINUX) ? new Uint8Array(readFileSync(VMLINUX)) : null;
  const kconfig = existsSync(CONFIG) ? { kconfig: readConfig(gunzipSync(readFileSync(CONFIG)).toString('utf8')) } : {};
  return {
    open: { ...(btf && { btf }), ...kconfig },
    verify: btf === null ? {} : { kernelTypes: readKernelTypes(btf, liveSymbols()) },
  };
}

/** Lines `ffffffff81000000 T _text`, and ` [module]` behind those of modules. */
function liveSymbols(): ReadonlySet<string> | undefined {
  if (!existsSync(SYMBOLS)) return undefined;
  return new Set([...readFileSync(SYMBOLS, 'utf8').matchAll(/^\S+ \S (\S+)/gm)].map(([, name]) => name));
}

/** Lines `CONFIG_HZ=1000`, `CONFIG_BPF=y`, `CONFIG_CC_VERSION_TEXT="gcc"`. */
function readConfig(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value.replace(/^"(.*)"$/, '$1')]),
  );
}
