/**
 * Decides what happens next: one event at a time, from a seed.
 *
 * An event is a message that arrives (at the store, at a provider, at a client, or back in a process) or a timer
 * that fires. Between two events only promises run, so whoever dies between two events has died at an await.
 *
 * Invariants
 * - The same seed and the same program give the same order of events.
 * - A timer fires no sooner than its time, and no later one of a running place before it. Time moves only so.
 * - In a paused place nothing happens; what it has sent arrives all the same, and what is sent to it waits.
 * - In a dead place nothing ever happens again.
 */
import type { Timer } from "@oms/lifecycle";
import type { Random } from "./random.ts";

/** Monotonic ms at which every history begins. */
const BEGIN_MS = 1_000;

/** What kind of message is under way: what a crash of its sender does to it depends on that. */
export type Message = "store" | "provider" | "client";

interface SimEvent {
  readonly what: string;
  readonly run: () => void;
}

export interface Outside extends SimEvent {
  readonly from: Place;
  readonly message: Message;
}

interface SimTimer extends SimEvent {
  readonly at: number;
}

/** Where something runs: a process, or the world around them. */
export class Place {
  readonly name: string;
  state: "running" | "paused" | "dead" = "running";
  readonly inside: SimEvent[] = [];
  /** In the order in which they fire. */
  readonly #timers: SimTimer[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** The first timer to fire. */
  get next(): SimTimer | null {
    return this.#timers[0] ?? null;
  }

  /** It fires after those that are due at the same time already. */
  set(timer: SimTimer): void {
    const timers = this.#timers;
    let index = timers.length;
    while (index > 0 && (timers[index - 1]?.at ?? 0) > timer.at) index--;
    timers.splice(index, 0, timer);
  }

  cancel(timer: SimTimer): void {
    const index = this.#timers.indexOf(timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** Nothing happens in it any more. */
  die(): void {
    this.state = "dead";
    this.inside.length = 0;
    this.#timers.length = 0;
  }
}

export class Scheduler {
  readonly random: Random;
  /** Clients and the hostile world; never paused. */
  readonly world = new Place("world");
  readonly #places = new Set([this.world]);
  readonly #outside: Outside[] = [];
  readonly #trace: ((line: string) => void) | null;
  #now = BEGIN_MS;
  steps = 0;
  /** Probability that time goes on although messages are under way. */
  hurry: number;

  constructor(
    random: Random,
    hurry: number,
    trace: ((line: string) => void) | null = null,
  ) {
    this.random = random;
    this.hurry = hurry;
    this.#trace = trace;
  }

  get now(): number {
    return this.#now;
  }

  /** Messages under way between places. */
  get underWay(): number {
    return this.#outside.length;
  }

  begin(name: string): Place {
    const place = new Place(name);
    this.#places.add(place);
    return place;
  }

  note(line: string): void {
    this.#trace?.(`${this.#now} ${line}`);
  }

  /** A message leaves `from`; it arrives sometime. */
  send(from: Place, message: Message, what: string, run: () => void): void {
    if (from.state !== "dead") {
      this.#outside.push({ from, message, what, run });
    }
  }

  /** Something is about to go on in `place`. */
  deliver(place: Place, what: string, run: () => void): void {
    if (place.state !== "dead") place.inside.push({ what, run });
  }

  after(place: Place, ms: number, what: string, run: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, ms), what, run };
    if (place.state !== "dead") place.set(timer);
    const cancel = () => place.cancel(timer);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Whether a message of this kind from this place has yet to arrive. */
  isUnderWay(from: Place, message: Message): boolean {
    return this.#outside.some((event) =>
      event.from === from && event.message === message
    );
  }

  /** Ends a place; answers what it had sent, which is now the caller's to decide on. */
  end(place: Place): Outside[] {
    place.die();
    this.#places.delete(place);
    const sent = this.#outside.filter(({ from }) => from === place);
    const others = this.#outside.filter(({ from }) => from !== place);
    this.#outside.splice(0, this.#outside.length, ...others);
    return sent;
  }

  /** Sends a dead place's message after all. */
  resend(event: Outside): void {
    this.#outside.push(event);
  }

  /** Lets one event happen. False when there is none. */
  step(): boolean {
    this.steps++;
    let count = this.#outside.length;
    let timer: SimTimer | null = null;
    let owner = this.world;
    for (const place of this.#places) {
      if (place.state !== "running") continue;
      count += place.inside.length;
      const { next } = place;
      if (next !== null && (timer === null || next.at < timer.at)) {
        timer = next;
        owner = place;
      }
    }
    if (timer !== null && this.#isNext(timer, count)) {
      owner.cancel(timer);
      this.#now = Math.max(this.#now, timer.at);
      this.#happen(owner, timer);
      return true;
    }
    return count > 0 && this.#message(this.random.int(0, count - 1));
  }

  #isNext(timer: SimTimer, count: number): boolean {
    if (count === 0) return true;
    if (timer.at <= this.#now) return this.random.chance(1 / (count + 1));
    return this.random.chance(this.hurry);
  }

  #message(index: number): boolean {
    let left = index;
    const sent = take(this.#outside, left);
    if (sent !== undefined) {
      this.#happen(sent.from, sent);
      return true;
    }
    left -= this.#outside.length;
    for (const place of this.#places) {
      if (place.state !== "running") continue;
      const event = take(place.inside, left);
      if (event !== undefined) {
        this.#happen(place, event);
        return true;
      }
      left -= place.inside.length;
    }
    return false;
  }

  #happen(place: Place, { what, run }: SimEvent): void {
    if (this.#trace !== null) this.note(`${place.name}: ${what}`);
    run();
  }
}

/** Takes an element out, if there is one at this index; the last one takes its seat. */
function take<T>(list: T[], index: number): T | undefined {
  const chosen = list[index];
  const last = list.at(-1);
  if (chosen === undefined || last === undefined) return undefined;
  list[index] = last;
  list.pop();
  return chosen;
}
