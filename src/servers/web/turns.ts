// Pipelined requests of one HTTP/1 connection, one at a time: what waits holds no file and no buffer.
// Called by handler.ts; calls the socket's pause and resume.
//
// node:http hands over every request that it finds in the bytes it has read, hundreds at once if a client likes.

/** The part of a connection's socket that is used. */
export interface TurnSocket {
  readonly destroyed: boolean;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
}

/** Waiting requests from which the connection is no longer read, and from which it is closed. */
const PAUSE_AT = 16;
const CLOSE_AT = 1000;

interface Queue {
  busy: boolean;
  paused: boolean;
  readonly waiting: (() => void)[];
}

export class Turns {
  readonly #queues: WeakMap<TurnSocket, Queue> = new WeakMap();

  /** Calls `work` now, or when the requests before it are done. done() must be called once for each work that was called. */
  enter(socket: TurnSocket, work: () => void): void {
    let queue = this.#queues.get(socket);
    if (queue === undefined) {
      queue = { busy: false, paused: false, waiting: [] };
      this.#queues.set(socket, queue);
    }
    if (!queue.busy) {
      queue.busy = true;
      work();
      return;
    }
    queue.waiting.push(work);
    if (queue.waiting.length >= CLOSE_AT) {
      queue.waiting.length = 0;
      socket.destroy();
    } else if (queue.waiting.length >= PAUSE_AT && !queue.paused) {
      queue.paused = true;
      socket.pause();
    }
  }

  /** The request whose turn it was is done. */
  done(socket: TurnSocket): void {
    const queue = this.#queues.get(socket);
    if (queue === undefined) return;
    if (socket.destroyed) queue.waiting.length = 0;
    const next = queue.waiting.shift();
    if (queue.paused && queue.waiting.length < PAUSE_AT / 2) {
      queue.paused = false;
      socket.resume();
    }
    if (next === undefined) queue.busy = false;
    else next();
  }
}
