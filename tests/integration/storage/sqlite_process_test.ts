import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertRejects } from "@std/assert";
import {
  StoreFatalError,
  StoreOpenError,
} from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { startWorkerAt } from "../../../src/storage/sqlite/writer_host.ts";
import { makeChange, makeOrder } from "../../support/fixtures.ts";
import {
  startStoreProcess,
  type StoreProcessMode,
} from "../../support/store_process.ts";
import { withTempDir } from "../../support/temp_dir.ts";

function open(dir: string) {
  return openSqliteStore({ dir, owner: "test", onFatal() {} });
}

/** Starts a process, reads its first line, and kills it in the end. */
async function withProcess<T>(
  dir: string,
  mode: StoreProcessMode,
  run: (
    first: string | null,
    process: ReturnType<typeof startStoreProcess>,
  ) => Promise<T>,
): Promise<T> {
  const process = startStoreProcess(dir, mode);
  try {
    return await run(await process.line(), process);
  } finally {
    await process.kill();
  }
}

Deno.test("F32 a second process is refused with the path and the holder's pid, also after we read every file", async () => {
  await withTempDir(async (dir) => {
    const store = await open(dir);
    await store.commit(makeChange({ orderInsert: makeOrder() }));
    for (const { name } of Deno.readDirSync(dir)) {
      // The draft of the mark takes its place while we read.
      if (name !== "oms.mark.new") await Deno.readFile(`${dir}/${name}`);
    }
    await withProcess(dir, "once", (first) => {
      assertStringIncludes(first ?? "", "refused");
      assertStringIncludes(first ?? "", `${dir}/oms.lock`);
      assertStringIncludes(first ?? "", `pid ${Deno.pid}`);
      assertStringIncludes(first ?? "", "OMS_DATA_DIR");
      return Promise.resolve();
    });
    const order = makeOrder();
    await store.commit(makeChange({ orderInsert: order }));
    assertEquals(await store.order(order.id), order);
    await store.close();
    await withProcess(dir, "once", (first) => {
      assertEquals(first, "open");
      return Promise.resolve();
    });
  });
});

Deno.test("F32 a SIGKILL of the holder frees the lock", async () => {
  await withTempDir(async (dir) => {
    await withProcess(dir, "hold", async (first, holder) => {
      assertEquals(first, "open");
      const refused = await assertRejects(() => open(dir), StoreOpenError);
      assertStringIncludes(refused.message, `pid ${holder.pid}`);
      await holder.kill();
      const store = await open(dir);
      await store.ping();
      await store.close();
    });
  });
});

Deno.test("F10 a SIGKILL between commits loses nothing that was answered", async () => {
  await withTempDir(async (dir) => {
    const answered = await withProcess(dir, "commit", async (first, writer) => {
      assertEquals(first, "open");
      const lines: string[] = [];
      while (lines.length < 200) lines.push((await writer.line()) ?? "");
      await writer.kill();
      return lines.map((line) => line.replace("committed ", ""));
    });
    const store = await open(dir);
    const { items: orders } = await store.list({
      customerId: "customer-1",
      statuses: [],
      limit: 1_000_000,
      after: null,
    });
    const found = new Set<string>(orders.map((order) => order.id));
    assertEquals(answered.filter((id) => !found.has(id)), []);
    await store.close();
  });
});

Deno.test("after close the process ends by itself, with the listed permissions alone", async () => {
  await withTempDir(async (dir) => {
    const process = startStoreProcess(dir, "once");
    const deadline = setTimeout(() => process.kill(), 20_000);
    const lines: string[] = [];
    for (;;) {
      const line = await process.line();
      if (line === null) break;
      lines.push(line.replace(/ ord_.*/, ""));
    }
    const { code, signal } = await process.status;
    clearTimeout(deadline);
    await process.kill();
    assertEquals(lines, ["open", "committed", "closed"]);
    assertEquals([code, signal], [0, null]);
  });
});

Deno.test("a slow disk does not stall the event loop", async () => {
  await withTempDir(async (dir) => {
    const url = new URL(
      "../../support/store_worker_held.ts",
      import.meta.url,
    );
    const store = await openSqliteStore({
      dir,
      owner: "test",
      onFatal() {},
      startWriter: (spec) => startWorkerAt(url, spec),
    });
    let committed = false;
    const commit = store.commit(makeChange({ orderInsert: makeOrder() }))
      .then(() => committed = true);
    for (let turns = 0; turns < 20; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert(!committed, "the event loop turned only after the sync");
    await Deno.writeTextFile(`${dir}/synced`, "");
    await commit;
    await store.close();
  });
});

Deno.test("the death of the store's worker is fatal, is told once, and leaves the directory free", async () => {
  await withTempDir(async (dir) => {
    const url = new URL(
      "../../support/store_worker_dying.ts",
      import.meta.url,
    );
    const fatal: StoreFatalError[] = [];
    const store = await openSqliteStore({
      dir,
      owner: "test",
      onFatal: (error) => {
        fatal.push(error);
      },
      startWriter: (spec) => startWorkerAt(url, spec),
    });
    const order = makeOrder();
    const results = await Promise.allSettled([
      store.commit(makeChange({ orderInsert: order })),
      store.commit(makeChange({ orderInsert: makeOrder() })),
    ]);
    for (const result of results) {
      assert(
        result.status === "rejected" &&
          result.reason instanceof StoreFatalError,
      );
      assertStringIncludes(result.reason.message, "killed by the test");
    }
    await assertRejects(() => store.order(order.id), StoreFatalError);
    await assertRejects(() => store.ping(), StoreFatalError);
    assertEquals(fatal.length, 1);
    await store.close();

    const next = await open(dir);
    assertEquals(await next.order(order.id), null);
    await next.close();
  });
});
