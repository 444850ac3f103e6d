/**
 * One asynchronous, bounded writer of lines.
 *
 * Invariants: `write` never waits and never throws; at most one write to the
 * sink is under way; what is queued stays below `maxPending` characters, the
 * oldest queued line goes first when it does not; every line that is not
 * written is counted (a batch that was cut off in the middle counts as a whole).
 * Why the oldest: when the reader of the pipe comes back, the last lines (how a
 * stop ended) are worth more than the first ones.
 * Not promised: that a line arrives. A line handed to the sink cannot be taken
 * back, so a sink that never answers keeps one write pending: it keeps the
 * process alive until it is told to exit.
 */

/** Where bytes go, as Deno.stdout: takes at least one byte or rejects. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** What a writer needs. */
export interface LineWriterOptions {
  readonly sink: ByteSink;
  /** Characters that may wait, 1 Mi by default. */
  readonly maxPending?: number;
  /** Called for each loss, with the number of lines lost. */
  readonly onDropped?: (lines: number) => void;
  /** The line to write once writing goes on after a loss. */
  readonly lossNotice?: (lines: number) => string;
}

const DEFAULT_MAX_PENDING = 1 << 20;

/** Characters joined into one write: a pipe holds 64 KiB on Linux. */
const MAX_CHUNK = 1 << 16;

/** A non-blocking stdout refuses with WouldBlock: try again after this, in ms. */
const RETRY_MS = 10;

/** Writes lines in order, see the module's header. */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #maxPending: number;
  readonly #onDropped: (lines: number) => void;
  readonly #lossNotice: ((lines: number) => string) | undefined;
  readonly #encoder = new TextEncoder();
  #queue: string[] = [];
  #pendingChars = 0;
  #chunkLines = 0;
  #dropped = 0;
  #unreported = 0;
  #writing: Promise<void> | undefined;
  #broken = false;
  #closed = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #endRetry: (() => void) | undefined;

  constructor(options: LineWriterOptions) {
    this.#sink = options.sink;
    this.#maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
    this.#onDropped = options.onDropped ?? (() => {});
    this.#lossNotice = options.lossNotice;
  }

  /** Lines lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a line; the line feed is added here. */
  write(line: string): void {
    if (this.#broken || this.#closed || line.length >= this.#maxPending) {
      this.#drop(1);
      return;
    }
    this.#queue.push(line);
    this.#pendingChars += line.length + 1;
    this.#dropOldest();
    this.#start();
  }

  /**
   * Waits until all that was queued is written, for at most `ms` milliseconds.
   * False when lines were left or the sink is broken. Never rejects.
   */
  async flush(ms: number): Promise<boolean> {
    let expired = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        expired = true;
        resolve();
      }, ms);
    });
    while (this.#writing !== undefined && !expired) {
      await Promise.race([this.#writing, timeout]);
    }
    clearTimeout(timer);
    return this.#writing === undefined && !this.#broken;
  }

  /** Drops what is queued and whatever comes. A write under way is left to itself. */
  close(): void {
    this.#closed = true;
    this.#drop(this.#queue.length);
    this.#queue = [];
    this.#pendingChars = 0;
    clearTimeout(this.#retryTimer);
    this.#endRetry?.();
  }

  #dropOldest(): void {
    let lost = 0;
    while (this.#pendingChars > this.#maxPending) {
      this.#pendingChars -= (this.#queue[lost]?.length ?? 0) + 1;
      lost++;
    }
    if (lost === 0) return;
    this.#queue.splice(0, lost);
    this.#drop(lost);
  }

  #drop(lines: number): void {
    if (lines === 0) return;
    this.#dropped += lines;
    this.#unreported += lines;
    this.#onDropped(lines);
  }

  #start(): void {
    // Deferred by one microtask turn, so that lines of one turn share a write.
    this.#writing ??= Promise.resolve()
      .then(() => this.#drain())
      .finally(() => {
        this.#writing = undefined;
        // A line may have come after the last look at the queue.
        if (this.#queue.length > 0) this.#start();
      });
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        await this.#writeFully(this.#encoder.encode(this.#takeChunk()));
      }
    } catch {
      // EPIPE and the like are final, and there is nowhere left to say so but
      // the counter: the reader of our log has gone.
      this.#broken = true;
      this.#drop(this.#queue.length + this.#chunkLines);
      this.#queue = [];
      this.#pendingChars = 0;
    }
  }

  #takeChunk(): string {
    let count = 0;
    let chars = 0;
    while (count < this.#queue.length) {
      const next = (this.#queue[count]?.length ?? 0) + 1;
      if (count > 0 && chars + next > MAX_CHUNK) break;
      chars += next;
      count++;
    }
    const lines = this.#queue.splice(0, count);
    this.#pendingChars -= chars;
    this.#chunkLines = count;
    if (this.#unreported > 0 && this.#lossNotice !== undefined) {
      lines.unshift(this.#lossNotice(this.#unreported));
    }
    this.#unreported = 0;
    return lines.join("\n") + "\n";
  }

  async #writeFully(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0 && !this.#closed) {
      try {
        rest = rest.subarray(await this.#sink.write(rest));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await this.#pause();
      }
    }
    if (rest.length > 0) this.#drop(this.#chunkLines);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#endRetry = resolve;
      this.#retryTimer = setTimeout(resolve, RETRY_MS);
    });
  }
}
