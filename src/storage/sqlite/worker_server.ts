/**
 * The worker's side: opens once, applies batches in turn, closes.
 * An error that the writer did not expect is not caught here: it ends the worker, which is fatal for the
 * store, because then nobody knows what was written.
 */
import { StoreOpenError } from "../errors.ts";
import type { FromWorker, OpenedBy, ToWorker } from "./protocol.ts";
import type { SqliteWriter } from "./writer.ts";

/** What the server needs of a writer. */
export type ServedWriter = Pick<
  SqliteWriter,
  "identity" | "counters" | "applyBatch" | "close"
>;

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

export function serveWriter(
  open: (store: OpenedBy) => ServedWriter,
): void {
  // The only typed way to a worker's scope without the DOM and worker libraries clashing.
  const scope = globalThis as unknown as WorkerScope;
  let writer: ServedWriter | null = null;
  scope.onmessage = ({ data }) => {
    switch (data.type) {
      case "open":
        try {
          writer = open(data.store);
          const { identity, counters } = writer;
          scope.postMessage({ type: "opened", identity, counters });
        } catch (error) {
          if (!(error instanceof StoreOpenError)) throw error;
          scope.postMessage({ type: "refused", message: error.message });
        }
        break;
      case "batch":
        if (writer === null) throw new TypeError("The writer is not open");
        scope.postMessage({
          type: "batch",
          reply: writer.applyBatch(data.requests),
        });
        break;
      case "close":
        writer?.close();
        scope.postMessage({ type: "closed" });
    }
  };
}
