/** The lock of a data directory: when it is held, and when it is free again. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { StoreOpenError } from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { DirectoryLock } from "../../../src/storage/sqlite/lock.ts";
import {
  startWorker,
  type StartWriter,
} from "../../../src/storage/sqlite/writer_host.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const PROCESSES = 100;
/** Between two looks at what the other thread says. */
const TAKES = 20;

Deno.test("F32 a released lock is free at once, whatever processes are being started", async () => {
  await withTempDir(async (dir) => {
    let ended = 0;
    const refusals: string[] = [];
    const starter = new Worker(
      new URL("../../support/process_starter.ts", import.meta.url),
      { type: "module" },
    );
    starter.onmessage = () => ended += 1;
    try {
      while (ended < PROCESSES) {
        for (let i = 0; i < TAKES; i++) {
          try {
            DirectoryLock.take(dir).release();
          } catch (error) {
            refusals.push(String(error));
          }
        }
        await new Promise((next) => setTimeout(next, 0));
      }
      assertEquals(refusals, []);
    } finally {
      starter.terminate();
    }
  });
});

Deno.test("F32 the lock is held until the file is closed, and its own file stays", async () => {
  await withTempDir(async (dir) => {
    const open = (startWriter?: StartWriter) =>
      openSqliteStore({
        dir,
        owner: "a",
        onFatal: (error) => {
          throw error;
        },
        ...(startWriter === undefined ? {} : { startWriter }),
      });
    const closing = Promise.withResolvers<void>();
    const close = Promise.withResolvers<void>();
    const store = await open(async (spec) => {
      const host = await startWorker(spec);
      return {
        identity: host.identity,
        counters: host.counters,
        apply: (requests) => host.apply(requests),
        close: async () => {
          closing.resolve();
          await close.promise;
          await host.close();
        },
      };
    });
    const closed = store.close();
    await closing.promise;
    await assertRejects(() => open(), StoreOpenError, "is locked");
    close.resolve();
    await closed;
    // Without it two processes could lock two different files.
    assert((await Deno.stat(`${dir}/oms.lock`)).isFile);
    await (await open()).close();
  });
});
