/** A store worker on a disk whose sync ends when there is a file `synced` beside the database, or after ten seconds. */
import { openWriter } from "../../src/storage/sqlite/open_writer.ts";
import { serveWriter } from "../../src/storage/sqlite/worker_server.ts";

const LOOK_MS = 5;
const AT_MOST_MS = 10_000;

serveWriter((store) => {
  const writer = openWriter(store);
  const never = new Int32Array(new SharedArrayBuffer(4));
  const synced = store.path.replace(/[^/]*$/, "synced");
  return {
    identity: writer.identity,
    counters: writer.counters,
    applyBatch: (requests) => {
      const end = performance.now() + AT_MOST_MS;
      while (!exists(synced) && performance.now() < end) {
        Atomics.wait(never, 0, 0, LOOK_MS);
      }
      return writer.applyBatch(requests);
    },
    close: () => writer.close(),
  };
});

/** A batch is applied synchronously. */
function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
