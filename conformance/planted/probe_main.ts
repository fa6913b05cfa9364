// The process that probes: see probe.ts.

import { probe, type Task } from './probe.ts';

process.stdout.write(JSON.stringify(probe(JSON.parse(process.argv[2]) as Task)));
