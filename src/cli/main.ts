#!/usr/bin/env node
// The command `ring3`: runs what its arguments say, and ends with its exit code.
// Called by people and scripts; calls program.ts.

import { run } from './program.ts';

process.exitCode = await run(process.argv.slice(2));
// Nothing is left to do. If something keeps the process alive all the same, it does so for a second.
setTimeout(() => process.exit(), 1000).unref();
