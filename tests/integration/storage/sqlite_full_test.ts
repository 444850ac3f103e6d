import { assert, assertEquals, assertRejects } from "@std/assert";
import { FIRST_GENERATION } from "../../../src/orders/events.ts";
import { DatabaseSync } from "node:sqlite";
import {
  StoreFatalError,
  StoreUnavailableError,
} from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { openForWriting } from "../../../src/storage/sqlite/database.ts";
import { encodeChange } from "../../../src/storage/sqlite/encode.ts";
import { openWriter } from "../../../src/storage/sqlite/open_writer.ts";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeDraft, makeOrder } from "../../support/fixtures.ts";
import {
  failingCommit,
  inlineWriter,
  sqliteError,
} from "../../support/inline_writer.ts";
import { canMount, withMount } from "../../support/mounts.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const SQLITE_FULL = 13;
const SQLITE_IOERR_FSYNC = 1034;

/** An order with its event, of about `bytes` in all. */
function sized(bytes: number) {
  const order = makeOrder();
  const draft = makeDraft(order, { value: "x".repeat(bytes) });
  return { order, change: makeChange({ orderInsert: order, outbox: [draft] }) };
}

/** Fills the store with commits of 16 KiB until it says that it is full. */
async function fill(store: Store): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; i < 1_000; i++) {
    const { order, change } = sized(16_384);
    try {
      await store.commit(change);
      acknowledged.push(order.id);
    } catch (error) {
      assert(error instanceof StoreUnavailableError, String(error));
      return acknowledged;
    }
  }
  throw new Error("the store never became full");
}

async function ids(store: Store): Promise<string[]> {
  const { items: orders } = await store.list({
    customerId: "customer-1",
    statuses: [],
    limit: 10_000,
    after: null,
  });
  return orders.map((order) => order.id).toSorted();
}

Deno.test("F30 disk full in the middle of a batch: the whole batch is refused, no acknowledged neighbour vanishes", async () => {
  await withTempDir(async (dir) => {
    let database: DatabaseSync | null = null;
    const limit = (pages: number) =>
      database?.exec(`PRAGMA max_page_count = ${pages}`);
    const store = await openSqliteStore({
      dir,
      owner: "a",
      onFatal: (error) => {
        throw error;
      },
      startWriter: inlineWriter((db) => database = db),
    });
    const before = sized(10);
    await store.commit(before.change);
    limit(40);
    const batch = [sized(10), sized(10), sized(1_000_000), sized(10)];
    const results = await Promise.allSettled(
      batch.map(({ change }) => store.commit(change)),
    );
    for (const result of results) {
      assert(result.status === "rejected");
      assert(result.reason instanceof StoreUnavailableError);
      assert(result.reason.message.includes("free some disk space"));
    }
    assertEquals(await ids(store), [before.order.id]);
    assertEquals((await store.outboxStats()).pending, 1);
    const small = sized(10);
    await store.commit(small.change);
    limit(1_000_000);
    const large = sized(1_000_000);
    await store.commit(large.change);
    await store.close();

    const next = await openSqliteStore({ dir, owner: "b", onFatal() {} });
    assertEquals(
      await ids(next),
      [before, small, large].map(({ order }) => order.id).toSorted(),
    );
    assertEquals((await next.outboxStats()).pending, 3);
    await next.close();
  });
});

Deno.test({
  name:
    "F30 disk full for real: unavailable, reads stay up, nothing acknowledged is lost, recovers when space returns",
  // Only root may mount the small file system that this needs.
  ignore: !canMount(),
  fn: () =>
    withMount("size=4m", async (dir) => {
      const fatal: Error[] = [];
      const open = (owner: string) =>
        openSqliteStore({
          dir,
          owner,
          onFatal: (error) => {
            fatal.push(error);
          },
        });
      const ballast = `${dir}/ballast`;
      // More than the WAL can take meanwhile: closing writes it into the database once more.
      await Deno.writeFile(ballast, new Uint8Array(2.5 * 1024 * 1024));
      const store = await open("a");
      const acknowledged = await fill(store);
      assert(acknowledged.length > 0);
      assertEquals(await ids(store), acknowledged.toSorted());
      await assertRejects(
        () => store.commit(sized(16_384).change),
        StoreUnavailableError,
        "free some disk space",
      );
      await assertRejects(
        () => store.ping(),
        StoreUnavailableError,
        "free some disk space",
        "a ping's own small write still fits",
      );
      await Deno.remove(ballast);
      const after = sized(16_384);
      await store.commit(after.change);
      await store.ping();
      acknowledged.push(after.order.id);
      assertEquals(await ids(store), acknowledged.toSorted());
      await store.close();
      const next = await open("b");
      assertEquals(await ids(next), acknowledged.toSorted());
      await next.close();
      assertEquals(fatal, []);
    }),
});

Deno.test("F30 COMMIT finds the disk full: the batch is refused and the next one is not carried away with it", async () => {
  await withTempDir(async (dir) => {
    let failure: Error | null = null;
    const store = await openSqliteStore({
      dir,
      owner: "a",
      onFatal: (error) => {
        throw error;
      },
      startWriter: inlineWriter((db) => failingCommit(db, () => failure)),
    });
    failure = sqliteError(SQLITE_FULL, "database or disk is full");
    const lost = sized(10);
    await assertRejects(
      () => store.commit(lost.change),
      StoreUnavailableError,
      "disk is full",
    );
    failure = null;
    const kept = sized(10);
    await store.commit(kept.change);
    assertEquals(await ids(store), [kept.order.id]);
    await store.close();
  });
});

Deno.test("F30 COMMIT error: fatal for the batch and for everything later, told once, never retried", async () => {
  await withTempDir(async (dir) => {
    let failure: Error | null = null;
    let commits = 0;
    const fatal: Error[] = [];
    const store = await openSqliteStore({
      dir,
      owner: "a",
      onFatal: (error) => {
        fatal.push(error);
      },
      startWriter: inlineWriter((db) =>
        failingCommit(db, () => {
          commits += 1;
          return failure;
        })
      ),
    });
    const before = sized(10);
    await store.commit(before.change);
    failure = sqliteError(SQLITE_IOERR_FSYNC, "disk I/O error");
    const results = await Promise.allSettled(
      [sized(10), sized(10)].map(({ change }) => store.commit(change)),
    );
    for (const result of results) {
      assert(result.status === "rejected");
      assert(result.reason instanceof StoreFatalError);
    }
    failure = null;
    await assertRejects(
      () => store.commit(sized(10).change),
      StoreFatalError,
      "disk I/O error",
    );
    await assertRejects(() => store.order(before.order.id), StoreFatalError);
    await assertRejects(() => store.ping(), StoreFatalError);
    assertEquals(commits, 2);
    assertEquals(fatal.length, 1);
    await store.close();

    const next = await openSqliteStore({ dir, owner: "b", onFatal() {} });
    assertEquals(await ids(next), [before.order.id]);
    await next.close();
  });
});

Deno.test("F30 the writer stays dead after an I/O error, whatever the disk says later", async () => {
  await withTempDir((dir) => {
    const path = `${dir}/oms.db`;
    let failure: Error | null = sqliteError(SQLITE_IOERR_FSYNC, "disk error");
    const writer = openWriter(
      { path, owner: "a", restored: false },
      (db) => failingCommit(db, () => failure),
    );
    const attempt = () =>
      writer.applyBatch([encodeChange(sized(10).change, FIRST_GENERATION)])
        .results
        .map((result) => result.kind === "failed" && result.failure.class);
    assertEquals(attempt(), ["fatal"]);
    failure = null;
    assertEquals(attempt(), ["fatal"]);
    writer.close();
    assertEquals(attempt(), ["fatal"]);
    const db = openForWriting(path);
    assertEquals(db.prepare("SELECT count(*) AS n FROM orders").get()?.n, 0);
    db.close();
    return Promise.resolve();
  });
});
