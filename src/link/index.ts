// ring3/link: links that need no device, wrappers for any link, and what a link of one's own is built from.
// Imported by users of the package; inside it, files import each other directly.

export { CaptureLink, type CaptureOptions, captureLink } from './capture.ts';
export { type FaultCounts, FaultLink, type FaultOptions, type Faults, faultLink, parseFaults } from './fault.ts';
export { loopbackLink } from './loopback.ts';
export { type MemoryLinkOptions, type MemoryLinkSettings, memoryLink } from './memory.ts';
export { completeChecksum, completeReceived, finishChecksum, Transport } from './offload.ts';
export { Segmenter } from './segment.ts';
export { type Line, parseShape, ShapeLink, type ShapeOptions, shapeLink } from './shape.ts';
export { StreamLink, type StreamLinkOptions, streamLink } from './stream.ts';
export { parseProbability, parseRate, parseSeed, parseSize, parseTime } from './units.ts';
export { WrappedLink } from './wrapped.ts';
