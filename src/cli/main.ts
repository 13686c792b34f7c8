#!/usr/bin/env node
// The command `ring3`: runs what its arguments say, and ends with its exit code.
// Called by people and scripts; calls program.ts.

import { run } from './program.ts';

// A reader of our output that has gone (`ring3 … | head -1`) is no defect. A command that should end then listens too.
for (const out of [process.stdout, process.stderr]) out.on('error', () => {});

process.exitCode = await run(process.argv.slice(2));
// Nothing is left to do. If something keeps the process alive all the same, it does so for a second.
setTimeout(() => process.exit(), 1000).unref();
