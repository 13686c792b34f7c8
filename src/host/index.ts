// What the other floors use of this one: devices, the host link, real time, randomness, capture files and the loop.
// Called by daemon, lab and cli, and by programs through the package's exports; re-exports only.

export { CaptureFile, type CaptureFileOptions } from './capture-file.ts';
export { SystemClock } from './clock.ts';
export { errorCode, type HostError, hostError } from './errors.ts';
export { ffiAvailable } from './ffi.ts';
export { HostLink, type HostLinkOptions, hostLink } from './host-link.ts';
export { type IpLinesOptions, ipLines, kernelCidr } from './ip-lines.ts';
export { HostLoop, type HostLoopOptions, type Turnable } from './loop.ts';
export { SystemRng, secretWords } from './random.ts';
export { openTap, openTun, type TunTap, type TunTapOptions } from './tuntap.ts';
