// For tests of the TCP splice: a client's socket that does what the test says, and a splice without the kernel.
// Called by splice-tcp.test.ts; calls splice-tcp and a memory link.

import { EventEmitter } from 'node:events';
import type { TestContext } from 'node:test';
import { memoryLink } from '../link/memory.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { SystemRng, secretWords } from './random.ts';
import type { Served } from './served.test-support.ts';
import { type ClientAddress, ClientAddresses } from './splice-addresses.ts';
import { TcpSplice } from './splice-tcp.ts';

/** A client's socket that takes what is written only when it is told to. */
export class StubbornSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 40_000;
  readonly taken: Buffer[] = [];
  destroyed = false;
  writableEnded = false;
  writableLength = 0;
  paused = false;

  write(bytes: Buffer): boolean {
    this.taken.push(Buffer.from(bytes));
    this.writableLength += bytes.length;
    return false;
  }

  end(): void {
    this.writableEnded = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  isPaused(): boolean {
    return this.paused;
  }

  drain(): void {
    this.writableLength = 0;
    this.emit('drain');
  }
}

/** The inner half of a host link, without the kernel's. */
export function spliceTo(t: TestContext, served: Served): { splice: TcpSplice; server: ClientAddress } {
  const inner = new Stack(createMemory({ small: 512, large: 64, chunks: 1024 }), {
    settings: { tcpRows: 64, udpRows: 16, tcpReceiveBuffer: 256 * 1024 },
    rng: new SystemRng(),
    secret: secretWords(8),
  });
  const [a, b] = memoryLink({ a: inner.memory, b: served.stack.memory, mtu: 65535, loopback: true });
  const iface = inner.attach(a, { addresses: ['127.0.0.1/8'] });
  served.stack.attach(b, { addresses: ['127.0.0.1/8'] });
  const clients = new ClientAddresses(inner, iface.index);
  const splice = new TcpSplice(inner, clients, 8, 'too many', () => {});
  served.loop.add(inner);
  served.loop.onPass(() => splice.dispatch());
  t.after(() => inner.close());
  return { splice, server: { w0: 0, w1: 0, w2: 0xffff, w3: 0x7f000001, users: 0 } };
}
