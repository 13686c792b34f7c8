// Tests of the web server on ring3's own stack: the common suite, between two stacks on a memory link.
// Run by node:test; calls suite.test-support.ts over ring3/net.

import type { Duplex } from 'node:stream';
import { createNet } from '../../socket/net.ts';
import { twoNetworks } from '../../socket/two.test-support.ts';
import type { NetModule } from './index.ts';
import { type StackUnderTest, webSuite } from './suite.test-support.ts';

function ring3Stack(): StackUnderTest {
  const two = twoNetworks();
  const net = createNet(two.a);
  return {
    net: createNet(two.b) as unknown as NetModule,
    host: '10.0.0.2',
    client: '10.0.0.1',
    connect: (port) =>
      new Promise<Duplex>((resolve, reject) => {
        const socket = net.connect({ port, host: '10.0.0.2', noDelay: true });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      }),
    close: () => two.close(),
  };
}

webSuite("ring3's stack", ring3Stack);
