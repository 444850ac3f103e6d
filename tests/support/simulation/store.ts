/**
 * A process's handle of the real in-memory store, behind a wire: each operation arrives sometime, takes effect in
 * one step, and is answered sometime. Between the two the process may die, be paused, or hear that the store is
 * unavailable.
 *
 * Invariants: what is answered `committed` is in the state. A commit whose answer was lost is recognised by its
 * commit id when it is sent again, as a store that cannot know it otherwise has to.
 */
import type { Saga } from "../../../src/orders/saga.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { type MemoryState, MemoryStore } from "../../../src/storage/memory.ts";
import type {
  ChangeSet,
  CommitResult,
  Leases,
  Store,
} from "../../../src/storage/store.ts";
import { LEASE_MS } from "./lease.ts";
import type { Place, Scheduler } from "./scheduler.ts";

/** Probabilities, each per operation. */
export interface StoreFaults {
  /** Unavailable, and nothing was done. */
  readonly before: number;
  /** Unavailable, and the commit took effect. */
  readonly after: number;
  /** It takes up to two leases to arrive. */
  readonly slow: number;
  /** The order's version is said to have moved. */
  readonly version: number;
}

/** What the handles of one history share. */
export interface StoreWorld {
  readonly scheduler: Scheduler;
  readonly state: MemoryState;
  /** With timed leases the store's clock is the scheduler's. */
  readonly leases: Leases["kind"];
  /** Null once the world is calm. */
  faults(): StoreFaults | null;
  /** Commit ids that took effect. */
  readonly written: Set<string>;
  /** What would be wrong with a change that may be applied. */
  check(change: ChangeSet): string[];
  /** It was applied; `before` is its saga as it was. */
  applied(change: ChangeSet, before: Saga | null, wrong: string[]): void;
  /** For the test that histories reach what they are about. */
  reached(what: string): void;
}

type Via = <T>(what: string, run: () => Promise<T>) => Promise<T>;

export function simStore(world: StoreWorld, place: Place): Store {
  const { scheduler, written } = world;
  const real = realStore(world, place.name);

  const via: Via = (what, run) =>
    new Promise((resolve, reject) => {
      const answer = (how: string, settle: () => void) =>
        scheduler.deliver(place, `${what} ${how}`, settle);
      const fails = (when: "before" | "after" | "slow") =>
        scheduler.random.chance(world.faults()?.[when] ?? 0);
      const unavailable = () =>
        reject(new StoreUnavailableError("The store is not available"));
      const arrive = () => {
        if (fails("before")) return answer("failed", unavailable);
        run().then((value) => {
          if (fails("after")) answer("is done, unheard", unavailable);
          else answer("is answered", () => resolve(value));
        }, (error) => answer("is refused", () => reject(error)));
      };
      const send = () =>
        scheduler.send(place, "store", `${what} reaches the store`, arrive);
      if (!fails("slow")) return send();
      const ms = scheduler.random.int(1, 2 * LEASE_MS);
      scheduler.after(scheduler.world, ms, `${what} was slow`, send);
    });

  const commit = (
    change: ChangeSet,
    signal: AbortSignal | undefined,
  ): Promise<CommitResult> => {
    if (written.has(change.commitId)) {
      world.reached("a lost commit is recognised");
      return Promise.resolve({ kind: "committed" });
    }
    const decided = change.orderUpdate ?? change.orderCheck;
    const moved = decided !== undefined &&
      scheduler.random.chance(world.faults()?.version ?? 0);
    if (moved) {
      return Promise.resolve({ kind: "conflict", which: "order_version" });
    }
    return real.commit(change, signal === undefined ? {} : { signal });
  };

  return {
    driver: real.driver,
    leases: leasesOf(real, via),
    generation: real.generation,
    restored: real.restored,
    commit: async (change, options) => {
      const run = () => commit(change, options?.signal);
      const result = await via(labelOf(change), run);
      if (result.kind === "conflict") world.reached(result.which);
      return result;
    },
    order: (id) => via("read order", () => real.order(id)),
    answer: (key, now) => via("read answer", () => real.answer(key, now)),
    saga: (id) => via("read saga", () => real.saga(id)),
    nextSaga: (id) => via("read next saga", () => real.nextSaga(id)),
    dueSagas: (query) => via("read due sagas", () => real.dueSagas(query)),
    nextDueAt: (...query) =>
      via("read next due", () => real.nextDueAt(...query)),
    // Nobody in a history asks for these; the outbox relay has properties of its own.
    timeline: (id, query) => real.timeline(id, query),
    list: (query) => real.list(query),
    sagaStats: () => real.sagaStats(),
    newestAt: () => real.newestAt(),
    unknownSagas: (versions, limit) => real.unknownSagas(versions, limit),
    outbox: (topic, after, limit) => real.outbox(topic, after, limit),
    markSent: (positions, now) => real.markSent(positions, now),
    outboxStats: () => real.outboxStats(),
    purge: (query) => real.purge(query),
    saveReport: (report, now) => real.saveReport(report, now),
    lastReport: () => real.lastReport(),
    ping: () => real.ping(),
    close: () => real.close(),
  };
}

function realStore(world: StoreWorld, owner: string): MemoryStore {
  const { scheduler, state } = world;
  let before: Saga | null = null;
  let wrong: string[] = [];
  return new MemoryStore(state, owner, {
    ...(world.leases === "timed" ? { leaseClock: () => scheduler.now } : {}),
    hooks: {
      beforeCommit: (change) => {
        const id = change.sagaUpdate?.saga.id;
        before = id === undefined ? null : state.sagas.get(id) ?? null;
        wrong = world.check(change);
      },
      afterCommit: (change) => {
        world.written.add(change.commitId);
        world.applied(change, before, wrong);
      },
    },
  });
}

function leasesOf({ leases }: Store, via: Via): Leases {
  if (leases.kind === "exclusive") return leases;
  return {
    kind: "timed",
    renew: (held, ms) => via("renewal", () => leases.renew(held, ms)),
  };
}

/** For the trace. */
function labelOf({ sagaUpdate, answer }: ChangeSet): string {
  if (sagaUpdate === undefined) return `answer ${answer?.key ?? ""}`;
  const { saga, claim } = sagaUpdate;
  const kind = claim === undefined ? "commit" : "claim";
  return `${kind} ${saga.kind} ${saga.state} ${
    saga.attempt?.step ?? "at rest"
  }`;
}
