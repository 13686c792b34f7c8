// Tests of pipelining: one request at a time, in order, within bounds.
// Run by node:test; calls turns.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turns } from './turns.ts';

function fakeSocket(): { destroyed: boolean; log: string[]; pause(): void; resume(): void; destroy(): void } {
  const log: string[] = [];
  return {
    destroyed: false,
    log,
    pause: () => log.push('pause'),
    resume: () => log.push('resume'),
    destroy() {
      this.destroyed = true;
      log.push('destroy');
    },
  };
}

describe('turns', () => {
  test('one at a time and in order; connections do not wait for each other', () => {
    const turns = new Turns();
    const [a, b] = [fakeSocket(), fakeSocket()];
    const ran: string[] = [];
    for (const name of ['a1', 'a2', 'a3']) turns.enter(a, () => ran.push(name));
    turns.enter(b, () => ran.push('b1'));
    assert.deepEqual(ran, ['a1', 'b1']);
    turns.done(a);
    turns.done(a);
    assert.deepEqual(ran, ['a1', 'b1', 'a2', 'a3']);
    turns.done(a);
    turns.enter(a, () => ran.push('a4'));
    assert.deepEqual(ran.slice(4), ['a4']);
  });

  test('a connection with many waiting is not read until they are done', () => {
    const turns = new Turns();
    const socket = fakeSocket();
    let ran = 0;
    for (let i = 0; i < 40; i++) turns.enter(socket, () => ran++);
    assert.deepEqual(socket.log, ['pause']);
    for (let i = 0; i < 40; i++) turns.done(socket);
    assert.equal(ran, 40);
    assert.deepEqual(socket.log, ['pause', 'resume']);
  });

  test('a flood is cut, and its waiting requests are forgotten', () => {
    const turns = new Turns();
    const socket = fakeSocket();
    let ran = 0;
    for (let i = 0; i < 1001; i++) turns.enter(socket, () => ran++);
    assert.ok(socket.destroyed);
    turns.done(socket);
    assert.equal(ran, 1);
  });

  test('a connection that is gone takes its waiting requests with it', () => {
    const turns = new Turns();
    const socket = fakeSocket();
    let ran = 0;
    for (let i = 0; i < 3; i++) turns.enter(socket, () => ran++);
    socket.destroyed = true;
    turns.done(socket);
    assert.equal(ran, 1);
  });
});
