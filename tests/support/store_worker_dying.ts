/** A store worker that dies with its first batch. */
import { openWriter } from "../../src/storage/sqlite/open_writer.ts";
import { serveWriter } from "../../src/storage/sqlite/worker_server.ts";

serveWriter((store) => {
  const writer = openWriter(store);
  return {
    identity: writer.identity,
    counters: writer.counters,
    applyBatch: () => {
      writer.close();
      throw new Error("killed by the test");
    },
    close: () => writer.close(),
  };
});
