/** A store worker that dies with its first batch. */
import { openForWriting } from "../../src/storage/sqlite/database.ts";
import { serveWriter } from "../../src/storage/sqlite/worker_server.ts";
import { SqliteWriter } from "../../src/storage/sqlite/writer.ts";

serveWriter((path, owner) => {
  const writer = new SqliteWriter(openForWriting(path), owner);
  return {
    counters: writer.counters,
    applyBatch: () => {
      writer.close();
      throw new Error("killed by the test");
    },
    close: () => writer.close(),
  };
});
