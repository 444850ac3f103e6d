/** Opens, reopens and disposes of the store under a conformance test. */
import { assertEquals } from "@std/assert";
import type {
  ChangeSet,
  CommitResult,
  Conflict,
  Store,
} from "../../src/storage/store.ts";
import { makeChange } from "./fixtures.ts";

/** One place where data lives. */
export interface Harness {
  /** A new incarnation over the same data; the one before has been closed. */
  open(owner: string): Promise<Store>;
  dispose(): Promise<void>;
}

export type MakeHarness = () => Promise<Harness>;

export interface TestStore {
  readonly store: Store;
  /** The owner that the store was opened under. */
  readonly owner: string;
  /** Closes the store and opens the next incarnation, under another owner. */
  restart(): Promise<TestStore>;
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
      const open = async (): Promise<TestStore> => {
        const owner = `owner-${opened.length + 1}`;
        const store = await harness.open(owner);
        opened.push(store);
        return {
          store,
          owner,
          restart: async () => {
            await store.close();
            return await open();
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
