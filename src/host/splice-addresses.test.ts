// Tests of the clients' addresses: owned while used, given up in order of last use, loopback ones for nothing.
// Run by node:test; calls splice-addresses.ts on a stack with a memory link.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryLink } from '../link/memory.ts';
import { makeMemory } from '../link/packets.test-support.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { SystemRng, secretWords } from './random.ts';
import { ClientAddresses } from './splice-addresses.ts';

function setUp(limit: number): { clients: ClientAddresses; owned: () => string[] } {
  const memory = createMemory({ arenaBytes: 64 << 20, small: 64, large: 4, chunks: 64 });
  const stack = new Stack(memory, {
    settings: { tcpRows: 16, udpRows: 16 },
    rng: new SystemRng(),
    secret: secretWords(8),
  });
  const [link] = memoryLink({ a: memory, b: makeMemory(16, 1), loopback: true });
  const iface = stack.attach(link, { addresses: ['127.0.0.1/8', '::1/128'] });
  return {
    clients: new ClientAddresses(stack, iface.index, limit),
    owned: () => iface.addresses.slice(2).map((a) => `${a.w2 === 0xffff ? a.w3 & 255 : `::${a.w3}`}`),
  };
}

test('an address is owned while somebody speaks as it, and after that until room is needed', () => {
  const { clients, owned } = setUp(2);
  const one = clients.acquire('192.0.2.1')!;
  assert.equal(clients.acquire('192.0.2.1'), one);
  assert.equal(one.users, 2);
  const two = clients.acquire('2001:db8::2')!;
  assert.deepEqual(owned(), ['1', '::2']);
  // All in use.
  assert.equal(clients.acquire('192.0.2.3'), undefined);
  clients.release(one);
  assert.equal(clients.acquire('192.0.2.3'), undefined);
  clients.release(one);
  clients.release(two);
  assert.deepEqual(owned(), ['1', '::2']);
  // One was used longer ago than two, until now.
  clients.release(clients.acquire('192.0.2.1')!);
  clients.acquire('192.0.2.3');
  assert.deepEqual(owned(), ['1', '3']);
});

test('loopback addresses are there anyway', () => {
  const { clients, owned } = setUp(8);
  assert.equal(clients.acquire('127.0.0.1')!.w3, 0x7f000001);
  assert.equal(clients.acquire('127.9.9.9')!.users, 1);
  assert.equal(clients.acquire('::1')!.w3, 1);
  assert.deepEqual(owned(), []);
});

test('what nobody can speak as is refused', () => {
  const { clients } = setUp(8);
  for (const text of ['', 'localhost', 'fe80::1%eth0', '224.0.0.1', '0.0.0.0', 'ff02::1', '::']) {
    assert.equal(clients.acquire(text), undefined, text);
  }
});
