// Which connection a packet of the script belongs to; its bytes on the way in; the stack's packets by connection.
// Called by run.ts and the calls; calls flow.ts, encode.ts, decode.ts and world.ts.

import type { IcmpPacket, Packet, TcpPacket, Tuple, UdpPacket } from './ast.ts';
import { decode } from './decode.ts';
import { type Ends, icmpMessage, ipPacket, tcpSegment, udpDatagram } from './encode.ts';
import { Mismatch } from './errors.ts';
import { Flow, type Waiting } from './flow.ts';
import { type Words, type World, words } from './world.ts';

const TCP = 6;
const UDP = 17;
const SYN = 2;
const ACK = 16;
/** Window of packets that name none. */
const MOST_WINDOW = 65_535;
/** The peer's ports, where the script leaves them to us. */
const FIRST_PORT = 40_000;
const NEIGHBOURS: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136, 137, 143]);
const MOST_PACKET = 65_535;

export class Flows {
  /** The connection that packets without ports belong to. */
  current: Flow | undefined;
  /** ICMP messages that the stack has sent. */
  readonly icmp: Waiting[] = [];
  readonly #world: World;
  readonly #list: Flow[] = [];
  /** A listener is what the script is about: the next SYN without ports opens a connection to this port. */
  #listening = 0;
  #nextPort = FIRST_PORT;
  readonly #defaultPort: number;

  constructor(world: World, bindPort: number) {
    this.#world = world;
    this.#defaultPort = bindPort;
  }

  /** The script listens on `port`. */
  listening(port: number): void {
    this.#listening = port;
  }

  /** A connection that the script itself opens, or a datagram socket: packets without ports are its from now on. */
  open(protocol: number, local: Words, localPort: number, remote: Words, remotePort: number): Flow {
    const known = this.find(protocol, localPort, remotePort);
    if (known !== undefined && same(known.local, local) && same(known.remote, remote)) {
      this.current = known;
      return known;
    }
    const flow = new Flow(protocol, local, localPort, remote, remotePort);
    this.#list.unshift(flow);
    this.current = flow;
    this.#listening = 0;
    return flow;
  }

  /** The newest connection with these ports; port 0: any. */
  find(protocol: number, localPort: number, remotePort: number): Flow | undefined {
    return this.#list.find(
      (f) =>
        f.protocol === protocol &&
        (localPort === 0 || f.localPort === localPort) &&
        (remotePort === 0 || f.remotePort === remotePort),
    );
  }

  /** The connection of an outbound packet of the script. */
  outbound(packet: TcpPacket | UdpPacket): Flow | undefined {
    const protocol = packet.kind === 'tcp' ? TCP : UDP;
    const { tuple } = packet;
    if (tuple !== undefined) return this.find(protocol, tuple.srcPort, tuple.dstPort);
    if (this.current?.protocol === protocol) return this.current;
    return this.find(protocol, 0, 0);
  }

  /** Sorts what the stack has sent since: by connection; what belongs to none is not looked at. */
  sort(): void {
    for (const { at, bytes } of this.#world.sent.splice(0)) {
      const packet = decode(bytes);
      if (packet.icmp !== undefined) {
        // Of ICMPv6 what finds neighbours and routers is no business of scripts.
        if (packet.protocol === 58 && NEIGHBOURS.has(packet.icmp.type)) continue;
        this.icmp.push({ at, packet });
        continue;
      }
      const flow = this.#list.find(
        (f) =>
          f.protocol === packet.protocol &&
          f.localPort === packet.srcPort &&
          f.remotePort === packet.dstPort &&
          same(f.remote, packet.dst),
      );
      flow?.sent.push({ at, packet });
    }
  }

  /** Sends a packet of the script to the stack. */
  inject(packet: Packet): void {
    if (packet.kind === 'icmp') this.#world.deliver(this.#icmpBytes(packet));
    else if (packet.kind === 'udp') this.#world.deliver(this.#udpBytes(packet));
    else this.#world.deliver(this.#tcpBytes(packet));
  }

  #tcpBytes(packet: TcpPacket): Uint8Array {
    const flow = this.#inbound(packet);
    const flags = packet.flags;
    const segment = tcpSegment(
      {
        srcPort: flow.remotePort,
        dstPort: flow.localPort,
        seq: packet.seq ?? 0,
        ack: packet.ack === undefined ? 0 : flow.toLive(packet.ack),
        flags,
        win: packet.win ?? MOST_WINDOW,
        urg: packet.urg ?? 0,
        options: flow.liveOptions(packet),
      },
      packet.length ?? 0,
    );
    return this.#ip(flow, TCP, segment, 16, packet);
  }

  #udpBytes(packet: UdpPacket): Uint8Array {
    const flow = this.#inbound(packet);
    return this.#ip(flow, UDP, udpDatagram(flow.remotePort, flow.localPort, packet.length ?? 0), 6, packet);
  }

  #ip(flow: Flow, protocol: number, payload: Uint8Array, sumAt: number, packet: Packet): Uint8Array {
    if (payload.length + 40 > MOST_PACKET) throw new Mismatch('no IP packet is that long');
    const ends: Ends = { version: this.#world.version, src: flow.remote, dst: flow.local };
    return ipPacket(ends, protocol, payload, sumAt, packet.ip);
  }

  /** The connection of an inbound packet; a SYN to a listener begins one, and so does what belongs to none. */
  #inbound(packet: TcpPacket | UdpPacket): Flow {
    const protocol = packet.kind === 'tcp' ? TCP : UDP;
    const syn = packet.kind === 'tcp' && (packet.flags & (SYN | ACK)) === SYN;
    if (packet.tuple !== undefined) return this.#byTuple(protocol, packet.tuple, syn);
    const known = this.current?.protocol === protocol ? this.current : undefined;
    if (known !== undefined && !(syn && this.#listening !== 0)) return known;
    const port = this.#listening || this.#defaultPort;
    const listening = syn ? 0 : this.#listening;
    const flow = this.open(protocol, this.#world.local, port, this.#world.remote, this.#nextPort++);
    this.#listening = listening;
    return flow;
  }

  #byTuple(protocol: number, tuple: Tuple, syn: boolean): Flow {
    const known = this.find(protocol, tuple.dstPort, tuple.srcPort);
    if (known !== undefined) {
      this.current = known;
      return known;
    }
    const remote = tuple.src === undefined ? this.#world.remote : words(tuple.src);
    const local = tuple.dst === undefined ? this.#world.local : words(tuple.dst);
    const listening = syn ? 0 : this.#listening;
    const flow = this.open(protocol, local, tuple.dstPort, remote, tuple.srcPort);
    this.#listening = listening;
    return flow;
  }

  /** An ICMP message; an error quotes the beginning of a packet that the stack has sent. */
  #icmpBytes(packet: IcmpPacket): Uint8Array {
    const world = this.#world;
    const ends: Ends = { version: world.version, src: world.remote, dst: world.local };
    if (packet.version !== world.version) throw new Mismatch(`this script speaks IPv${world.version}`);
    const protocol = packet.version === 4 ? 1 : 58;
    let word = packet.mtu ?? 0;
    let body = new Uint8Array(packet.echo?.length ?? 0);
    if (packet.echo !== undefined) word = ((packet.echo.id << 16) | packet.echo.seq) >>> 0;
    if (packet.quote !== undefined) body = this.#quoted(packet.quote, ends);
    return ipPacket(ends, protocol, icmpMessage(packet.type, packet.code, word, body), 2, packet.ip);
  }

  #quoted(quote: NonNullable<IcmpPacket['quote']>, ends: Ends): Uint8Array<ArrayBuffer> {
    const protocol = quote.udp ? UDP : TCP;
    const { tuple } = quote;
    const flow =
      tuple === undefined
        ? this.current?.protocol === protocol
          ? this.current
          : this.find(protocol, 0, 0)
        : this.find(protocol, tuple.srcPort, tuple.dstPort);
    if (flow === undefined) throw new Mismatch('there is no connection that an ICMP error could quote');
    const sent: Ends = { version: ends.version, src: flow.local, dst: flow.remote };
    const payload = quote.udp
      ? udpDatagram(flow.localPort, flow.remotePort, quote.length)
      : tcpSegment(
          {
            srcPort: flow.localPort,
            dstPort: flow.remotePort,
            seq: flow.toLive(quote.seq),
            ack: 0,
            flags: ACK,
            win: 0,
            urg: 0,
            options: [],
          },
          quote.length,
        );
    const whole = ipPacket(sent, protocol, payload, quote.udp ? 6 : 16, {});
    // The header and 8 bytes in IPv4 (RFC 792); as much as fits 1280 in IPv6 (RFC 4443 section 3.1).
    return whole.slice(0, ends.version === 4 ? 28 : Math.min(whole.length, 1232)) as Uint8Array<ArrayBuffer>;
  }
}

function same(a: Words, b: Words): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}
