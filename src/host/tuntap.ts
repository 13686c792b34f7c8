// Opens TUN and TAP devices of Linux: packets or frames to and from the kernel, superframes and partial checksums both ways.
// Called by cli and by whoever builds a stack; calls ffi; the link itself is a FrameDevice.
//
// A device is made by TUNSETIFF and goes when its descriptor is closed, unless it is persistent. A persistent device that
// root has given to a user (`ip tuntap add dev NAME mode tap user USER`) is opened by that user without any privilege.

import { closeSync, openSync } from 'node:fs';
import type { LinkMemory } from '../base/link.ts';
import { errorCode, type HostError, hostError } from './errors.ts';
import { addressOf, errno, errnoCode, libc } from './ffi.ts';
import { FrameDevice } from './frame-device.ts';
import { VNET_HEADER } from './vnet.ts';

/** Options of openTun and openTap. */
export interface TunTapOptions {
  /** Up to 15 characters; with "%d" in it the kernel puts the first free number there. Default: tun%d or tap%d. */
  readonly name?: string;
  /** Where frames lie. */
  readonly memory: LinkMemory;
  /**
   * Superframes and partial checksums both ways. false: plain frames up to the MTU with all sums complete, as links are
   * that wrappers cut, corrupt or record.
   */
  readonly offload: boolean;
  /** The device's MTU (bytes of IP packet); set if it differs, which needs CAP_NET_ADMIN. Default: as it is (1500 when new). */
  readonly mtu?: number;
  /** TAP only: the MAC of the kernel's end ("02:..."). Needs CAP_NET_ADMIN. Default: as it is (random when new). */
  readonly mac?: string;
  /** Keep the device after this process (or, with false, no longer). Default: as it is. */
  readonly persist?: boolean;
  /** Called once if somebody deletes the device; the link is closed then. */
  readonly onGone?: () => void;
}

/** A TUN or TAP device as a link. */
export class TunTap extends FrameDevice {
  /** The device's name in the kernel. */
  readonly name: string;

  constructor(name: string, options: ConstructorParameters<typeof FrameDevice>[0]) {
    super(options);
    this.name = name;
  }
}

const O_RDWR_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TUN = 1;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const OFFLOAD_CSUM_TSO4_TSO6 = 1 | 2 | 4;
const OFFLOAD_TSO_ECN = 8;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCSIFHWADDR = 0x8924;
const ARPHRD_ETHER = 1;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const NAME_BYTES = 16;

/** The largest superframe: IP's own limit. */
const MAX_SUPERFRAME = 65535;

/** struct ifreq: the name, then what a request is about. */
const request: Uint8Array = new Uint8Array(new ArrayBuffer(4096), 0, 40);

/** Opens a TUN device: IP packets without Ethernet. Throws a HostError (EPERM, EACCES, EBUSY, EINVAL, ENOENT, ...). */
export function openTun(options: TunTapOptions): TunTap {
  return open('tun', options);
}

/** Opens a TAP device: Ethernet frames. Throws a HostError (EPERM, EACCES, EBUSY, EINVAL, ENOENT, ...). */
export function openTap(options: TunTapOptions): TunTap {
  return open('tap', options);
}

function open(kind: 'tun' | 'tap', options: TunTapOptions): TunTap {
  const wanted = options.name ?? `${kind}%d`;
  checkName(wanted);
  libc(); // koffi first: without it nothing below works, and its own message says what to do
  const fd = openDevice();
  try {
    const name = attach(fd, kind, wanted);
    if (ioctl(fd, TUNSETVNETHDRSZ, setInt(VNET_HEADER)) < 0) throw failed(name, 'set up the frame header of');
    setOffload(fd, name, options.offload);
    if (options.persist !== undefined && ioctl(fd, TUNSETPERSIST, options.persist ? 1 : 0) < 0) {
      throw failed(name, 'change the persistence of');
    }
    if (options.mac !== undefined) setMac(name, options.mac);
    const mtu = setMtu(name, options.mtu);
    return new TunTap(name, {
      fd,
      memory: options.memory,
      caps: {
        medium: kind === 'tap' ? 'ethernet' : 'ip',
        mtu,
        gso: options.offload ? MAX_SUPERFRAME : 0,
        txChecksum: options.offload ? 'partial' : 'full',
        gather: true,
        loopback: false,
      },
      trustChecksums: options.offload,
      onGone: options.onGone,
    });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Names are the kernel's (dev_valid_name): 1 to 15 bytes, no slash, colon or white space. */
function checkName(name: string): void {
  if (Buffer.byteLength(name) < NAME_BYTES && /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..') return;
  throw hostError(
    'EINVAL',
    `"${name}" is no name for a network device: 1 to 15 characters without "/", ":" and spaces`,
  );
}

function openDevice(): number {
  try {
    return openSync('/dev/net/tun', O_RDWR_NONBLOCK_CLOEXEC);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
      const what = code === 'ENOENT' ? 'is missing' : 'has no driver';
      throw hostError(
        code,
        `/dev/net/tun ${what}: run "modprobe tun" as root (in a container: start it with --device /dev/net/tun)`,
        'open',
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw hostError(
        code,
        '/dev/net/tun may not be opened by this user: run as root, or allow it by its mode',
        'open',
      );
    }
    throw hostError(code, `/dev/net/tun cannot be opened: ${(error as Error).message}`, 'open');
  }
}

/** Creates the device, or attaches to the one of that name. Returns its name. */
function attach(fd: number, kind: 'tun' | 'tap', wanted: string): string {
  putName(wanted);
  const flags = (kind === 'tun' ? IFF_TUN : IFF_TAP) | IFF_NO_PI | IFF_VNET_HDR;
  request[NAME_BYTES] = flags;
  request[NAME_BYTES + 1] = flags >> 8;
  if (ioctl(fd, TUNSETIFF, addressOf(request)) < 0) throw attachFailed(kind, wanted);
  return Buffer.from(request.subarray(0, request.indexOf(0))).toString();
}

function attachFailed(kind: string, name: string): HostError {
  const code = errnoCode(errno());
  const say = (message: string): HostError => hostError(code, message, 'ioctl');
  if (code === 'EPERM') {
    return say(
      `creating TUN/TAP devices needs CAP_NET_ADMIN: run as root, or let root give you one with ` +
        `"ip tuntap add dev ${name.replace('%d', '0')} mode ${kind} user $USER" and open that by its name`,
    );
  }
  if (code === 'EBUSY') return say(`device ${name} is in use by another program: stop that, or choose another name`);
  if (code === 'EINVAL') return say(`device ${name} exists and is no ${kind} device: choose another name`);
  return say(`device ${name} cannot be opened: ${code}`);
}

function setOffload(fd: number, name: string, offload: boolean): void {
  const flags = offload ? OFFLOAD_CSUM_TSO4_TSO6 : 0;
  if (offload && ioctl(fd, TUNSETOFFLOAD, flags | OFFLOAD_TSO_ECN) >= 0) return;
  if (ioctl(fd, TUNSETOFFLOAD, flags) < 0) throw failed(name, 'set the offloads of');
}

/** The device's MTU, after it has been set to `wanted` where that is given and differs. */
function setMtu(name: string, wanted: number | undefined): number {
  return withSocket((fd) => {
    putName(name);
    if (ioctl(fd, SIOCGIFMTU, addressOf(request)) < 0) throw failed(name, 'read the MTU of');
    const mtu = getInt();
    if (wanted === undefined || wanted === mtu) return mtu;
    putName(name);
    setInt(wanted);
    if (ioctl(fd, SIOCSIFMTU, addressOf(request)) < 0) throw failed(name, `set the MTU to ${wanted} of`);
    return wanted;
  });
}

function setMac(name: string, mac: string): void {
  const bytes = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? Buffer.from(mac.replaceAll(':', ''), 'hex') : undefined;
  if (bytes === undefined || (bytes[0]! & 1) !== 0) {
    throw hostError('EINVAL', `"${mac}" is no MAC address of a single device: write one like 02:00:00:00:00:01`);
  }
  withSocket((fd) => {
    putName(name);
    request[NAME_BYTES] = ARPHRD_ETHER;
    request.set(bytes, NAME_BYTES + 2);
    if (ioctl(fd, SIOCSIFHWADDR, addressOf(request)) < 0) throw failed(name, 'set the MAC address of');
  });
}

/** Requests about a device that are not tun's own go through any socket. */
function withSocket<T>(use: (fd: number) => T): T {
  const fd = libc().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw hostError(errnoCode(errno()), `no socket to configure devices: ${errnoCode(errno())}`, 'socket');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function failed(name: string, doing: string): HostError {
  const code = errnoCode(errno());
  const why =
    code === 'EPERM'
      ? 'that needs CAP_NET_ADMIN; have root do it with ip(8)'
      : code === 'EINVAL'
        ? 'the kernel refuses the value'
        : code;
  return hostError(code, `cannot ${doing} device ${name}: ${why}`, 'ioctl');
}

function ioctl(fd: number, number: number, argument: number): number {
  return libc().ioctl(fd, number, argument);
}

function putName(name: string): void {
  request.fill(0);
  Buffer.from(name).copy(request);
}

/** Puts an int where the request's argument is, and returns its address. */
function setInt(value: number): number {
  new DataView(request.buffer).setInt32(NAME_BYTES, value, true);
  return addressOf(request) + NAME_BYTES;
}

function getInt(): number {
  return new DataView(request.buffer).getInt32(NAME_BYTES, true);
}
