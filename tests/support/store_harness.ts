/** Opens, reopens and disposes of the store under a conformance test. */
import { assertEquals } from "@std/assert";
import type { Order } from "../../src/orders/order.ts";
import type { Saga } from "../../src/orders/saga.ts";
import type {
  ChangeSet,
  CommitResult,
  Conflict,
  Store,
} from "../../src/storage/store.ts";
import { makeChange, makeSaga } from "./fixtures.ts";

/** One place where data lives. */
export interface Harness {
  /**
   * A new incarnation over the same data. The one before has been closed, unless the store is one that several
   * processes share.
   *
   * @param restored true: the data is a copy of an earlier one
   */
  open(owner: string, restored: boolean): Promise<Store>;
  /** Timed leases only: the store's own clock moves on by `ms`. */
  pass?(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

export type MakeHarness = () => Promise<Harness>;

export interface TestStore {
  readonly store: Store;
  /** The owner that the store was opened under. */
  readonly owner: string;
  /** Closes the store and opens the next incarnation, under another owner. */
  restart(options?: { readonly restored?: boolean }): Promise<TestStore>;
  /** Opens another owner's store over the same data while this one stays open. */
  beside(): Promise<TestStore>;
  /** The store's clock moves on. @throws Error when the harness cannot */
  pass(ms: number): Promise<void>;
}

export type ConformanceTest = (
  name: string,
  run: (opened: TestStore) => Promise<void>,
) => void;

export function conformanceTest(
  driver: string,
  make: MakeHarness,
): ConformanceTest {
  return (name, run) =>
    Deno.test(`${driver} store: ${name}`, async () => {
      const harness = await make();
      const opened: Store[] = [];
      const open = async (restored = false): Promise<TestStore> => {
        const owner = `owner-${opened.length + 1}`;
        const store = await harness.open(owner, restored);
        opened.push(store);
        return {
          store,
          owner,
          restart: async (options) => {
            await store.close();
            return await open(options?.restored);
          },
          beside: () => open(),
          pass: async (ms) => {
            if (harness.pass === undefined) {
              throw new Error("This harness has no clock of the store");
            }
            await harness.pass(ms);
          },
        };
      };
      try {
        await run(await open());
      } finally {
        for (const store of opened) await store.close();
        await harness.dispose();
      }
    });
}

export async function commit(
  store: Store,
  parts: Omit<ChangeSet, "commitId">,
): Promise<CommitResult> {
  return await store.commit(makeChange(parts));
}

/** Commits, and fails the test when the store answers a conflict. */
export async function mustCommit(
  store: Store,
  parts: Omit<ChangeSet, "commitId">,
): Promise<void> {
  assertEquals(await commit(store, parts), { kind: "committed" });
}

export async function mustConflict(
  store: Store,
  parts: Omit<ChangeSet, "commitId">,
  which: Conflict,
): Promise<void> {
  assertEquals(await commit(store, parts), { kind: "conflict", which });
}

/** ms; what the conformance tests claim for. */
export const LEASE_MS = 10_000;

/** The order with its sagas, numbered from 1. */
export async function insertSagas(
  store: Store,
  order: Order,
  ...fields: Partial<Saga>[]
): Promise<Saga[]> {
  const sagas = fields.map((f, i) => makeSaga(order, { number: i + 1, ...f }));
  await mustCommit(store, { orderInsert: order });
  for (const sagaInsert of sagas) await mustCommit(store, { sagaInsert });
  return sagas;
}

/** `owner` takes the saga over, as it was read. */
export function claimOf(
  saga: Saga,
  owner: string,
): Required<Pick<ChangeSet, "sagaUpdate">> {
  return {
    sagaUpdate: {
      saga: { ...saga, owner, fence: saga.fence + 1 },
      expectedFence: saga.fence,
      claim: { leaseMs: LEASE_MS },
    },
  };
}
