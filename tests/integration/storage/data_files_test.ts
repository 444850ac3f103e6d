/** Files of the store that are removed or replaced under a running one: it fails before it answers anything more. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { StoreFatalError } from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeDraft, makeOrder } from "../../support/fixtures.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

// An open file cannot be removed there.
const ignore = Deno.build.os === "windows";

interface Damage {
  readonly name: string;
  /** Which file the message names, and what happened to it. */
  readonly says: string;
  damage(dir: string): void;
  /** Puts back what was there. */
  mend(dir: string): void;
}

const FILES = ["oms.db", "oms.db-wal", "oms.lock"];

const DAMAGES: readonly Damage[] = [
  ...FILES.map((file): Damage => ({
    name: `${file} removed`,
    says: `${file} was removed`,
    damage: (dir) => Deno.renameSync(`${dir}/${file}`, `${dir}/aside`),
    mend: (dir) => Deno.renameSync(`${dir}/aside`, `${dir}/${file}`),
  })),
  ...FILES.map((file): Damage => ({
    name: `${file} replaced`,
    says: `${file} was replaced`,
    damage: (dir) => {
      Deno.copyFileSync(`${dir}/${file}`, `${dir}/new`);
      Deno.renameSync(`${dir}/${file}`, `${dir}/aside`);
      Deno.renameSync(`${dir}/new`, `${dir}/${file}`);
    },
    mend: (dir) => Deno.renameSync(`${dir}/aside`, `${dir}/${file}`),
  })),
  {
    name: "an earlier oms.db copied over it",
    says: "oms.db was overwritten",
    damage: (dir) => {
      Deno.copyFileSync(`${dir}/oms.db`, `${dir}/aside`);
      Deno.writeFileSync(`${dir}/oms.db`, Deno.readFileSync(`${dir}/before`));
    },
    mend: (dir) =>
      Deno.writeFileSync(`${dir}/oms.db`, Deno.readFileSync(`${dir}/aside`)),
  },
  {
    name: "oms.db cut to nothing",
    says: "oms.db was overwritten",
    damage: (dir) => {
      Deno.copyFileSync(`${dir}/oms.db`, `${dir}/aside`);
      Deno.truncateSync(`${dir}/oms.db`);
    },
    mend: (dir) =>
      Deno.writeFileSync(`${dir}/oms.db`, Deno.readFileSync(`${dir}/aside`)),
  },
];

function open(dir: string, fatal: Error[] = []): Promise<Store> {
  return openSqliteStore({
    dir,
    owner: crypto.randomUUID(),
    onFatal: (error) => fatal.push(error),
  });
}

async function addOrder(store: Store): Promise<string> {
  const order = makeOrder();
  const outbox = [makeDraft(order)];
  await store.commit(makeChange({ orderInsert: order, outbox }));
  return order.id;
}

/** A store that has been closed once, with a copy of its main file `before`. */
async function prepared(dir: string): Promise<void> {
  const store = await open(dir);
  await addOrder(store);
  await store.close();
  Deno.copyFileSync(`${dir}/oms.db`, `${dir}/before`);
}

for (const { name, says, damage, mend } of DAMAGES) {
  Deno.test({
    name:
      `F75 ${name}: the next commit and everything after it is fatal; with the file put back nothing answered is lost`,
    ignore,
    fn: async () => {
      await withTempDir(async (dir) => {
        await prepared(dir);
        const fatal: Error[] = [];
        const store = await open(dir, fatal);
        const orders = [];
        for (let i = 0; i < 20; i++) orders.push(await addOrder(store));
        damage(dir);
        const { message } = await assertRejects(
          () => addOrder(store),
          StoreFatalError,
        );
        assertStringIncludes(message, `${dir}/${says}`);
        assertEquals(fatal.length, 1);
        await assertRejects(() => addOrder(store), StoreFatalError);
        await assertRejects(() => store.ping(), StoreFatalError);
        await assertRejects(() => store.sagaStats(), StoreFatalError);
        await store.close();

        mend(dir);
        const next = await open(dir);
        for (const id of orders) {
          assert(await next.order(id as never) !== null, id);
        }
        await next.close();
      });
    },
  });
}

Deno.test({
  name: "F75 a file of the store is gone: a ping says so, and so does a read",
  ignore,
  fn: async () => {
    await withTempDir(async (parent) => {
      for (const file of FILES) {
        const dir = `${parent}/${file}`;
        const fatal: Error[] = [];
        const store = await open(dir, fatal);
        Deno.removeSync(`${dir}/${file}`);
        await assertRejects(() => store.ping(), StoreFatalError, "removed");
        assertEquals(fatal.length, 1);
        await store.close();

        const other = await open(`${dir}-read`);
        await other.sagaStats();
        Deno.removeSync(`${dir}-read/${file}`);
        // A read looks at the files when the last look was some milliseconds ago.
        await until("a read fails", () =>
          other.sagaStats().then(
            () => false,
            (error) => error instanceof StoreFatalError,
          ));
        await other.close();
      }
    });
  },
});

Deno.test({
  name:
    "F75 the log is removed for good: what was answered is brought into oms.db before the end",
  ignore,
  fn: async () => {
    await withTempDir(async (dir) => {
      const store = await open(dir);
      const orders = [];
      for (let i = 0; i < 20; i++) orders.push(await addOrder(store));
      Deno.removeSync(`${dir}/oms.db-wal`);
      await assertRejects(() => addOrder(store), StoreFatalError, "removed");
      await store.close();
      const next = await open(dir);
      for (const id of orders) {
        assert(await next.order(id as never) !== null, id);
      }
      await next.close();
    });
  },
});

Deno.test({
  name:
    "F75 two stores in one folder, because the lock was removed: the first one writes nothing more",
  ignore,
  fn: async () => {
    await withTempDir(async (dir) => {
      const first = await open(dir);
      await addOrder(first);
      Deno.removeSync(`${dir}/oms.lock`);
      const second = await open(dir);
      const { message } = await assertRejects(
        () => addOrder(first),
        StoreFatalError,
      );
      assertStringIncludes(message, "another process");
      const kept = await addOrder(second);
      await first.close();
      // Its end leaves the files to the one that uses them.
      const later = await addOrder(second);
      await second.close();
      const next = await open(dir);
      assert(await next.order(kept as never) !== null);
      assert(await next.order(later as never) !== null);
      await next.close();
    });
  },
});

Deno.test("F75 checkpoints, ours and those of others, are no damage", async () => {
  await withTempDir(async (dir) => {
    const { DatabaseSync } = await import("node:sqlite");
    const fatal: Error[] = [];
    const store = await open(dir, fatal);
    const order = makeOrder();
    const value = "x".repeat(100_000);
    // Some 5 MB: SQLite checkpoints by itself after 4.
    for (let seq = 1; seq <= 50; seq++) {
      const outbox = [makeDraft(order, { seq, value })];
      await store.commit(makeChange({ outbox }));
    }
    const size = Deno.statSync(`${dir}/oms.db`).size;
    assert(size > 1_000_000, `${size} bytes: no checkpoint`);
    const script = `
      import { DatabaseSync } from "node:sqlite";
      const db = new DatabaseSync(Deno.args[0]);
      console.log(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get().busy);
      db.close();`;
    assertEquals(typeof DatabaseSync, "function");
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", script, `${dir}/oms.db`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "0");
    await store.commit(makeChange({ orderInsert: order }));
    await store.ping();
    assertEquals(fatal, []);
    await store.close();
  });
});
