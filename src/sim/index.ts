// ring3/sim: stacks in virtual time.
// Imported by users of the package; inside it, files import each other directly.

export { type DrillOptions, type DrillResult, drill, type Seen } from './drill/drill.ts';
