/**
 * Where the writer runs, seen from the store: in a worker, so that an fsync never stalls the event loop.
 *
 * Invariants: one batch is out at a time, so replies need no numbers. When the worker dies, what is out
 * fails as fatal, and so does everything later. After `close` the worker is gone and holds nothing alive.
 */
import { StoreFatalError, StoreOpenError } from "../errors.ts";
import type {
  BatchReply,
  Counters,
  FromWorker,
  Identity,
  OpenedBy,
  ToWorker,
  WriteRequest,
} from "./protocol.ts";

export interface WriterHost {
  readonly identity: Identity;
  /** At open; later ones come with the replies. */
  readonly counters: Counters;
  /**
   * One batch at a time. Rejects only when the host itself is gone.
   * @throws StoreFatalError whether the batch was written is not known
   */
  apply(requests: readonly WriteRequest[]): Promise<BatchReply>;
  /** Resolves when the files are closed. Idempotent. */
  close(): Promise<void>;
}

export interface WriterSpec extends OpenedBy {
  /** The host died by itself, while idle too. */
  readonly onDeath: (error: StoreFatalError) => void;
}

export type StartWriter = (spec: WriterSpec) => Promise<WriterHost>;

export const startWorker: StartWriter = (spec) =>
  startWorkerAt(new URL("./worker.ts", import.meta.url), spec);

/** @throws StoreOpenError as the writer found it */
export async function startWorkerAt(
  url: URL,
  spec: WriterSpec,
): Promise<WriterHost> {
  const host = new WorkerHost(url, spec);
  try {
    await host.open(spec);
    return host;
  } catch (error) {
    host.terminate();
    if (!(error instanceof StoreFatalError)) throw error;
    throw new StoreOpenError(
      `Cannot open the store: ${spec.path} has no writer (${error.message}); ` +
        `allow reading the program's own src/storage`,
      { cause: error },
    );
  }
}

class WorkerHost implements WriterHost {
  readonly #worker: Worker;
  readonly #onDeath: (error: StoreFatalError) => void;
  #waiting: PromiseWithResolvers<FromWorker> | null = null;
  #dead: StoreFatalError | null = null;
  #closing: Promise<void> | null = null;
  #opened: Extract<FromWorker, { type: "opened" }> | null = null;

  constructor(url: URL, spec: WriterSpec) {
    this.#onDeath = spec.onDeath;
    this.#worker = new Worker(url, { type: "module", name: "oms-store" });
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(event.data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die(event.message.split("\n", 1).join());
    };
    this.#worker.onmessageerror = () => this.#die("an unreadable message");
  }

  get identity(): Identity {
    return this.#whenOpen.identity;
  }

  get counters(): Counters {
    return this.#whenOpen.counters;
  }

  get #whenOpen() {
    if (this.#opened === null) throw new TypeError("The writer is not open");
    return this.#opened;
  }

  async open({ path, owner, restored }: WriterSpec): Promise<void> {
    const store = { path, owner, restored };
    const answer = await this.#ask({ type: "open", store });
    if (answer.type === "refused") throw new StoreOpenError(answer.message);
    if (answer.type !== "opened") throw this.#die("an answer out of turn");
    this.#opened = answer;
  }

  async apply(requests: readonly WriteRequest[]): Promise<BatchReply> {
    const answer = await this.#ask({ type: "batch", requests });
    if (answer.type !== "batch") throw this.#die("an answer out of turn");
    return answer.reply;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  terminate(): void {
    this.#worker.terminate();
  }

  async #close(): Promise<void> {
    try {
      if (this.#dead === null) await this.#ask({ type: "close" });
    } finally {
      this.terminate();
    }
  }

  #ask(message: ToWorker): Promise<FromWorker> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const waiting = Promise.withResolvers<FromWorker>();
    this.#waiting = waiting;
    this.#worker.postMessage(message);
    return waiting.promise;
  }

  #die(cause: string): StoreFatalError {
    const error = new StoreFatalError(
      `Cannot write: the store's worker ended (${cause}); restart the process`,
    );
    if (this.#dead !== null) return error;
    this.#dead = error;
    this.#worker.terminate();
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#onDeath(error);
    return error;
  }
}
