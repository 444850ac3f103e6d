/**
 * A test entry point: the service with one carelessness, which the loss of power has to show.
 *
 * `POWERLOSS_CARELESS` is `OFF` or `NORMAL`, the store's `PRAGMA synchronous`; or `publisher`: events count as
 * published before their file is synced.
 */
import { denoSignals } from "@oms/lifecycle/signals";
import { runService } from "../../../../src/app.ts";
import { eventFiles } from "../../../../src/events/event_files.ts";
import { FilePublisher } from "../../../../src/events/file_publisher.ts";

const STORE_WORKER = "/src/storage/sqlite/worker.ts";

globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    const careless = String(url).endsWith(STORE_WORKER);
    super(
      careless ? new URL("./store_worker.ts", import.meta.url) : url,
      options,
    );
  }
};

await runService(denoSignals(), {
  publisher: (publisher) =>
    Deno.env.get("POWERLOSS_CARELESS") !== "publisher"
      ? publisher
      : new FilePublisher(
        `${Deno.env.get("OMS_DATA_DIR")}/events.ndjson`,
        {
          files: {
            ...eventFiles,
            open: async (path) => ({
              ...await eventFiles.open(path),
              sync: () => Promise.resolve(),
            }),
          },
        },
      ),
});
