// All commands, in the order of the help. An abbreviation means the first one that fits.

import { asmCommand } from './asm.ts';
import { benchCommand } from './bench.ts';
import type { Command, RawCommand } from './command.ts';
import { conformancePluginCommand } from './conformance_plugin.ts';
import { disasmCommand } from './disasm.ts';
import { featureCommand } from './feature.ts';
import { pcapCommand } from './pcap.ts';
import { progDump } from './prog_dump.ts';
import { progLoad } from './prog_load.ts';
import { progRun } from './prog_run.ts';
import { progShow } from './prog_show.ts';

export const COMMANDS: readonly (Command | RawCommand)[] = [
  progShow,
  progLoad,
  progRun,
  progDump,
  pcapCommand,
  benchCommand,
  asmCommand,
  disasmCommand,
  featureCommand,
  conformancePluginCommand,
];
