// Runs a script: event by event in virtual time, until the stack does something else than it says.
// Called by index.ts; calls everything of this folder that acts.

import type { Event, Packet, Script, SysCall, When } from './ast.ts';
import { type Begun, begin } from './calls.ts';
import { CodeFailure, compile, type Env } from './code.ts';
import { runCommand, type Surroundings } from './commands.ts';
import { compareIcmp, compareTcp, compareUdp } from './compare.ts';
import type { Config } from './config.ts';
import { errnoByName, nameOfErrno } from './errnos.ts';
import { Mismatch } from './errors.ts';
import type { Flow, Waiting } from './flow.ts';
import { Flows } from './flows.ts';
import { Process } from './process.ts';
import { showPacket, showTime } from './show.ts';
import { CONSTANTS, linuxInfo } from './tcp-info.ts';
import { numberOf } from './values.ts';
import { type Seen, World } from './world.ts';

/** How long a call that does not say how long it blocks may block (us). */
const LONGEST_CALL = 3600e6;
/** Packets behind the one that is wrong that a message shows. */
const MOST_SHOWN = 3;

export interface RunOptions {
  readonly config: Config;
  /** Tolerance 0. */
  readonly strict: boolean;
  /** Called for every packet and event. */
  readonly onPacket: (seen: Seen) => void;
  readonly log: (line: string) => void;
  /** Output of print in %{ }%. */
  readonly print: (text: string) => void;
  /** Told of a command that is not run, with its line. */
  readonly warn: (line: number, text: string) => void;
  /** A file named relative to the script. */
  readonly read: (path: string) => string | undefined;
}

/** A call that waits. */
interface Pending {
  readonly event: Event;
  readonly call: SysCall;
  readonly begun: Begun;
  readonly startedAt: number;
  readonly end: number;
}

export class Run {
  readonly #options: RunOptions;
  readonly #config: Config;
  readonly #around: Surroundings;
  readonly #env: Env;
  #process: Process | undefined;
  #pending: Pending | undefined;
  #line = 0;
  /** When the event before was done (us). */
  #before = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#config = options.config;
    const warn = (text: string): void => options.warn(this.#line, text);
    this.#around = {
      profile: {},
      sysctls: new Map(),
      world: undefined,
      routeMtu: 0,
      read: options.read,
      warn,
      sleep: (us) => {
        if (this.#process !== undefined) this.#advance(this.#now() + us);
      },
    };
    this.#env = { names: new Map(Object.entries(CONSTANTS)), print: options.print };
  }

  /** Runs it all. Throws Mismatch with the line that is to blame, or ScriptError. */
  run(script: Script): void {
    // Code is read before anything happens: an error in it is one of the file.
    const programs = new Map(
      script.events.flatMap((event) =>
        event.what.kind === 'code' ? [[event, compile(event.what.text, event.what.line)] as const] : [],
      ),
    );
    try {
      for (const event of script.events) {
        this.#line = event.line;
        const { what } = event;
        if (what.kind === 'command') this.#command(event, what.text);
        else if (what.kind === 'code') this.#code(event, programs.get(event)!);
        else if (what.kind === 'call') this.#call(event, what);
        else this.#packet(event, what);
        if (this.#process !== undefined) this.#before = this.#process.world.now;
      }
      this.#finishPending();
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      if (error.line === 0) error.line = this.#line;
      throw error;
    } finally {
      // What the stack says when it goes is no part of the script.
      if (this.#process !== undefined) this.#process.world.onPacket = () => {};
      this.#process?.world.stack.close();
    }
  }

  /** The stack, made when it is first needed: after the commands that prepare its settings. */
  #world(): Process {
    if (this.#process !== undefined) return this.#process;
    const world = new World(this.#config, this.#around.profile);
    world.onPacket = (seen) => {
      this.#options.onPacket(seen);
    };
    this.#around.world = world;
    if (this.#around.routeMtu > 0) world.changeRoute(this.#around.routeMtu);
    this.#process = new Process(world, new Flows(world, this.#config.bindPort), this.#config);
    return this.#process;
  }

  #now(): number {
    return this.#process?.world.now ?? 0;
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** When an event shall happen (us of the script). */
  #at(when: When): number {
    return when.kind === 'absolute' ? when.at : this.#now() + when.at;
  }

  /** Lets time go by until the event's; a call that waits is looked at on the way. */
  #wait(when: When): void {
    const at = this.#at(when);
    const { world } = this.#world();
    if (at < world.now - this.#tolerance(at)) {
      throw new Mismatch(`this should have happened at ${showTime(at)}, and it is ${showTime(world.now)} already`);
    }
    this.#advance(Math.max(at, world.now));
  }

  /** As World.advance, with the call that waits tried whenever something may have changed. */
  #advance(until: number, done: () => boolean = () => false): boolean {
    const { world } = this.#world();
    for (;;) {
      const deadline = this.#pending?.begun.deadline ?? Infinity;
      const stop = Math.min(until, Math.max(deadline, world.now));
      const result = world.advance(stop, () => {
        this.#tryPending();
        return done();
      });
      if (result || stop >= until) return result;
      this.#tryPending();
      // A deadline that has passed and does not end the call is no deadline.
      if (this.#pending?.begun.deadline === deadline) return world.advance(until, done);
    }
  }

  #tolerance(at: number): number {
    if (this.#options.strict) return 0;
    const share = (this.#config.tolerancePercent / 100) * Math.max(0, at - this.#before);
    return Math.max(this.#config.toleranceUsecs, share);
  }

  /** Throws unless something that happened at `actual` is in time. `base`: what relative times count from. */
  #checkTime(what: string, when: When, base: number, actual: number): void {
    if (when.kind === 'any') return;
    const from = when.kind === 'relative' ? base + when.at : when.at;
    const to = when.until === undefined ? from : when.kind === 'relative' ? base + when.until : when.until;
    const tolerance = this.#tolerance(from);
    // Half a microsecond: times are sums of fractions.
    if (actual >= from - tolerance - 0.5 && actual <= to + tolerance + 0.5) return;
    const expected = to === from ? `at ${showTime(from)}` : `between ${showTime(from)} and ${showTime(to)}`;
    throw new Mismatch(`${what} came at ${showTime(actual)}, expected ${expected} (tolerance ${tolerance} us)`);
  }

  // ---- packets -----------------------------------------------------------------------------------------------------

  #packet(event: Event, packet: Packet): void {
    const { flows } = this.#world();
    if (packet.inbound) {
      this.#wait(event.when);
      this.#log(event, '');
      flows.inject(packet);
      this.#tryPending();
      return;
    }
    const base = this.#now();
    const flow = packet.kind === 'icmp' ? undefined : flows.outbound(packet);
    if (packet.kind !== 'icmp' && flow === undefined) {
      throw new Mismatch(`there is no connection on which this could be sent:\n  ${event.source}`);
    }
    const waiting = this.#awaitPacket(event, packet, flow, base);
    const live = flow === undefined ? waiting.packet : flow.relative(waiting.packet);
    const stamps = {
      tick: this.#config.tsTick,
      tolerance: Math.ceil(this.#config.toleranceUsecs / (this.#config.tsTick || 1)),
    };
    const wrong =
      packet.kind === 'tcp'
        ? compareTcp(packet, waiting.packet, flow!, waiting.at, stamps)
        : packet.kind === 'udp'
          ? compareUdp(packet, live)
          : compareIcmp(packet, live);
    const shown = flow === undefined ? waiting.packet : flow.relative(waiting.packet);
    this.#log(event, `sent at ${showTime(waiting.at)}`);
    const when = this.#expectedTime(event.when, base);
    const behind = (flow?.sent ?? [])
      .slice(0, MOST_SHOWN)
      .map((next) => `\n  behind: ${showTime(next.at)} > ${showPacket(flow!.relative(next.packet))}`);
    const actual = `\n  actual: ${showTime(waiting.at)} > ${showPacket(shown)}`;
    const sides = `\n  script: ${when} ${event.source}${actual}${behind.join('')}`;
    if (wrong.length > 0) throw new Mismatch(`the packet is another one: ${wrong.join('; ')}${sides}`);
    try {
      this.#checkTime('the packet', event.when, base, waiting.at);
    } catch (error) {
      throw error instanceof Mismatch ? new Mismatch(error.message + sides) : error;
    }
  }

  #expectedTime(when: When, base: number): string {
    if (when.kind === 'any') return '*'.padEnd(8);
    return showTime(when.kind === 'relative' ? base + when.at : when.at);
  }

  /** The next packet of a connection, waited for as long as it may come. */
  #awaitPacket(event: Event, packet: Packet, flow: Flow | undefined, base: number): Waiting {
    const { flows } = this.#world();
    const queue = flow?.sent ?? flows.icmp;
    const { when } = event;
    const last = when.until ?? when.at;
    const end =
      when.kind === 'any' ? Infinity : (when.kind === 'relative' ? base + last : last) + this.#tolerance(base + last);
    const there = this.#advance(Math.max(end + 0.5, this.#now()), () => {
      flows.sort();
      return queue.length > 0;
    });
    if (!there) {
      throw new Mismatch(
        `the stack has sent nothing\n  script: ${this.#expectedTime(when, base)} ${event.source}\n  actual: nothing until ${showTime(Math.floor(this.#now()))}`,
      );
    }
    if (flow === undefined) return queue.shift()!;
    return flow.take(packet.kind === 'icmp' ? undefined : packet.length)!;
  }

  // ---- system calls ------------------------------------------------------------------------------------------------

  #call(event: Event, call: SysCall): void {
    const process = this.#world();
    this.#finishPending();
    this.#wait(event.when);
    const startedAt = this.#now();
    const begun = begin(process, call);
    const relative = event.when.kind === 'absolute' ? 0 : startedAt - event.when.at;
    const end = call.end === undefined ? Number.NaN : call.end + relative;
    this.#pending = { event, call, begun, startedAt, end };
    this.#tryPending();
    this.#log(event, this.#pending === undefined ? '' : 'waits');
    if (this.#pending !== undefined && call.end === undefined) this.#finishPending();
  }

  /** Tries the call that waits; when it is done, its result and time are checked. */
  #tryPending(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    let result: number | undefined;
    try {
      result = pending.begun.attempt();
      if (result !== undefined) {
        this.#pending = undefined;
        this.#checkResult(pending, result);
      }
    } catch (error) {
      if (error instanceof Mismatch && error.line === 0) {
        error.line = pending.event.line;
        if (!error.message.includes('\n')) error.message += `\n  script: ${pending.event.source}`;
      }
      this.#pending = undefined;
      throw error;
    }
    this.#world().world.settle();
  }

  #checkResult(pending: Pending, result: number): void {
    const { call, event } = pending;
    const expected = numberOf(call.result);
    const shown = result < 0 ? `-1 ${nameOfErrno(-result)}` : String(result);
    const wanted = call.errno === undefined ? String(expected) : `-1 ${call.errno}`;
    const right =
      Number.isNaN(expected) ||
      (result < 0
        ? expected < 0 && (call.errno === undefined || errnoByName(call.errno) === -result)
        : expected === result);
    if (!right) {
      throw new Mismatch(
        `${call.name} returned ${shown}, expected ${wanted}\n  script: ${event.source}\n  actual: ${shown}`,
      );
    }
    if (!Number.isNaN(pending.end)) {
      const when: When = { kind: 'absolute', at: pending.end, until: undefined };
      this.#checkTime(`the return of ${call.name}`, when, 0, this.#now());
    }
  }

  /** Lets a call that waits come to its end. */
  #finishPending(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const latest = Number.isNaN(pending.end) ? this.#now() + LONGEST_CALL : pending.end + this.#tolerance(pending.end);
    this.#advance(Math.max(latest, this.#now()), () => this.#pending === undefined);
    if (this.#pending !== undefined) {
      const error = new Mismatch(
        `${pending.call.name} still waits at ${showTime(Math.floor(this.#now()))}\n  script: ${pending.event.source}`,
      );
      error.line = pending.event.line;
      throw error;
    }
  }

  // ---- commands and code -------------------------------------------------------------------------------------------

  #command(event: Event, text: string): void {
    if (this.#process !== undefined || event.when.at > 0) this.#wait(event.when);
    this.#log(event, '');
    runCommand(this.#around, text);
    this.#process?.world.settle();
  }

  #code(event: Event, program: { run(env: Env): void }): void {
    const process = this.#world();
    this.#wait(event.when);
    this.#log(event, '');
    const handle = process.flows.current?.handle || process.current?.handle || 0;
    const info = process.world.stack.tcp.info(handle);
    if (info !== null) for (const [name, value] of linuxInfo(info)) this.#env.names.set(name, value);
    try {
      program.run(this.#env);
    } catch (error) {
      if (!(error instanceof CodeFailure)) throw error;
      const mismatch = new Mismatch(`${error.message} (at ${showTime(this.#now())})`);
      mismatch.line = error.line;
      throw mismatch;
    }
  }

  #log(event: Event, note: string): void {
    this.#options.log(
      `${showTime(this.#now())} ${event.source.replace(/\s+/g, ' ')}${note === '' ? '' : `   (${note})`}`,
    );
  }
}
