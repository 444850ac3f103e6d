/** A store that holds less than it did is refused at the start, with the way out; a copy is served on the operator's word. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { StoreOpenError } from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { DatabaseSync } from "node:sqlite";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeDraft, makeOrder } from "../../support/fixtures.ts";
import { startStoreProcess } from "../../support/store_process.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

function open(dir: string, restored = false): Promise<Store> {
  return openSqliteStore({
    dir,
    owner: crypto.randomUUID(),
    restored,
    onFatal: (error) => {
      throw error;
    },
  });
}

async function addOrders(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const order = makeOrder();
    const outbox = [makeDraft(order)];
    await store.commit(makeChange({ orderInsert: order, outbox }));
  }
}

function markOf(dir: string): string {
  try {
    return Deno.readTextFileSync(`${dir}/oms.mark`);
  } catch {
    return "";
  }
}

/** Refused with these words and the way out; oms.db and the mark stay as they are. */
async function refused(dir: string, ...words: string[]): Promise<void> {
  const look = () =>
    ["oms.db", "oms.mark"].map((name) => {
      try {
        return Deno.readFileSync(`${dir}/${name}`).join();
      } catch {
        return "none";
      }
    });
  const before = look();
  const { message } = await assertRejects(() => open(dir), StoreOpenError);
  for (const word of [`${dir}/oms.db`, "OMS_STORE_RESTORED=true", ...words]) {
    assertStringIncludes(message, word);
  }
  assertEquals(look(), before);
}

function copyOf(dir: string, files: readonly string[], to: string): void {
  Deno.mkdirSync(to);
  for (const name of files) {
    Deno.copyFileSync(`${dir}/${name}`, `${to}/${name}`);
  }
}

Deno.test("F75 a young store whose log was deleted between two lives is refused, beside its mark and beside its events", async () => {
  await withTempDir(async (parent) => {
    const dir = `${parent}/data`;
    const store = await open(dir);
    await addOrders(store, 21);
    await until("the mark", () => markOf(dir) === "generation 1 event 21\n");
    const files = ["oms.db", "oms.mark"];
    // As a SIGKILL leaves it, without the log.
    copyOf(dir, files, `${parent}/killed`);
    copyOf(dir, ["oms.db"], `${parent}/events`);
    await store.close();

    await refused(`${parent}/killed`, "event 0", "oms.mark says", "event 21");
    Deno.writeTextFileSync(`${parent}/events/events.ndjson`, "{}\n");
    await refused(`${parent}/events`, "events.ndjson beside it");
  });
});

Deno.test("F75 a store that is gone is refused, beside its mark and beside its events; an empty events.ndjson is none", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir);
    await addOrders(store, 3);
    await store.close();
    Deno.removeSync(`${dir}/oms.db`);
    await refused(dir, "event 0", "event 3");
    Deno.removeSync(`${dir}/oms.mark`);
    Deno.writeTextFileSync(`${dir}/events.ndjson`, "{}\n");
    await refused(dir, "events.ndjson beside it");
    Deno.renameSync(`${dir}/events.ndjson`, `${dir}/events.ndjson.1`);
    await refused(dir, "set aside");
    Deno.truncateSync(`${dir}/events.ndjson.1`);
    await (await open(dir)).close();
  });
});

Deno.test("F75 an older copy beside a newer mark is refused, also one from before the upgrade", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir);
    await addOrders(store, 2);
    await store.close();
    Deno.copyFileSync(`${dir}/oms.db`, `${dir}/copy`);
    const later = await open(dir);
    await addOrders(later, 2);
    await later.close();
    Deno.copyFileSync(`${dir}/copy`, `${dir}/oms.db`);
    await refused(dir, "event 2", "event 4");
    const old = new DatabaseSync(`${dir}/oms.db`);
    old.exec("DROP TABLE identity; UPDATE schema_info SET schema_version = 1");
    old.close();
    await refused(dir, "event 2", "event 4");
  });
});

Deno.test("F76 the operator says that it is a copy: it is served in a generation beyond all that the mark knows", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir);
    await addOrders(store, 2);
    await store.close();
    Deno.copyFileSync(`${dir}/oms.db`, `${dir}/copy`);
    const tags = new Set<string>();
    for (const number of [2, 3, 4]) {
      // The copy is of generation 1 each time; what came of it before is lost.
      Deno.copyFileSync(`${dir}/copy`, `${dir}/oms.db`);
      const restored = await open(dir, true);
      assertEquals(restored.generation.number, number);
      tags.add(restored.generation.tag);
      await addOrders(restored, 1);
      await restored.close();
      assertEquals(markOf(dir), `generation ${number} event 3\n`);
    }
    assertEquals(tags.size, 3);
    const next = await open(dir);
    assertEquals(next.generation.number, 4);
    await next.close();
    Deno.copyFileSync(`${dir}/copy`, `${dir}/oms.db`);
    await refused(dir, "generation 1, event 2", "generation 4, event 3");
  });
});

Deno.test("F76 a restored store is refused by the release before, which would give event ids out again", async () => {
  await withTempDir(async (dir) => {
    const compatible = () => {
      const db = new DatabaseSync(`${dir}/oms.db`, { readOnly: true });
      const row = db.prepare("SELECT min_compatible FROM schema_info").get();
      db.close();
      return row?.min_compatible;
    };
    const store = await open(dir);
    await addOrders(store, 1);
    await store.close();
    assertEquals(compatible(), 1);
    await (await open(dir, true)).close();
    assertEquals(compatible(), 2);
  });
});

Deno.test("F76 a new folder has nothing to be a copy of: it begins with generation 1", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir, true);
    assertEquals(store.generation, { number: 1, tag: "" });
    assertEquals(store.restored, false);
    await store.close();
  });
});

Deno.test("a mark that cannot be read says nothing", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir);
    await addOrders(store, 1);
    await store.close();
    for (const text of ["", "generation 1 event 9", "\0".repeat(21), "{}\n"]) {
      Deno.writeTextFileSync(`${dir}/oms.mark`, text);
      await (await open(dir)).close();
      assertEquals(markOf(dir), "generation 1 event 1\n");
    }
  });
});

Deno.test("the mark follows within some time, says no more than the store holds, and is whole, under SIGKILL", async () => {
  await withTempDir(async (dir) => {
    for (let life = 0; life < 3; life++) {
      const process = startStoreProcess(dir, "commit");
      for (let i = 0; i < 40; i++) await process.line();
      const marked = markOf(dir);
      await process.kill();
      assertMatch(marked, /^(generation 1 event \d+\n)?$/);
      const store = await open(dir);
      await store.close();
    }
  });
});

Deno.test("a mark that cannot be written stays behind, and holds nothing up", async () => {
  await withTempDir(async (dir) => {
    // Root may write what it likes; a folder of that name nobody can.
    Deno.mkdirSync(`${dir}/oms.mark.new`);
    const store = await open(dir);
    await addOrders(store, 5);
    await store.close();
    assertEquals(markOf(dir), "");
    Deno.removeSync(`${dir}/oms.mark.new`);
    const next = await open(dir);
    await next.close();
    assert(markOf(dir) === "generation 1 event 5\n");
  });
});

Deno.test({
  name: "F75 a mark whose writing hangs delays no answer",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withTempDir(async (dir) => {
      // Opening it hangs until somebody reads it.
      const draft = `${dir}/oms.mark.new`;
      const made = await new Deno.Command("mkfifo", { args: [draft] }).output();
      assert(made.success);
      const store = await open(dir);
      await addOrders(store, 20);
      await store.ping();
      assertEquals(markOf(dir), "");
      const reading = Deno.open(draft);
      await store.close();
      (await reading).close();
    });
  },
});
