#!/usr/bin/env node
// The executable that the upstream bpf_conformance runner starts, once per test: `--plugin_path dist/conformance/plugin.js`.
import { conformancePlugin } from '../src/cli/conformance_plugin.ts';

process.exitCode = await conformancePlugin(process.argv.slice(2));
