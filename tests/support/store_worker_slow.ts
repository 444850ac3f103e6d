/** A store worker on a disk whose fsync takes 50 ms. */
import { openForWriting } from "../../src/storage/sqlite/database.ts";
import { serveWriter } from "../../src/storage/sqlite/worker_server.ts";
import { SqliteWriter } from "../../src/storage/sqlite/writer.ts";

const FSYNC_MS = 50;

serveWriter((path, owner) => {
  const writer = new SqliteWriter(openForWriting(path), owner);
  const never = new Int32Array(new SharedArrayBuffer(4));
  return {
    counters: writer.counters,
    applyBatch: (requests) => {
      Atomics.wait(never, 0, 0, FSYNC_MS);
      return writer.applyBatch(requests);
    },
    close: () => writer.close(),
  };
});
