// Programs as text with what they return: the corpus that both engines run (engines.test.ts). Each is verified first
// unless `unverified` says why no kernel would load it. `maps` are made anew for each program.

import { FLOW_PROGRAMS } from './programs_flow.ts';
import { MAP_PROGRAMS } from './programs_maps.ts';
import { NUMBER_PROGRAMS } from './programs_numbers.ts';
import { PACKET_PROGRAMS } from './programs_packet.ts';
import type { TestProgram } from './test_program.ts';

export const PROGRAMS: readonly TestProgram[] = [
  ...NUMBER_PROGRAMS,
  ...FLOW_PROGRAMS,
  ...MAP_PROGRAMS,
  ...PACKET_PROGRAMS,
];
