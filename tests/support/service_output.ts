/**
 * What a service process says: its lines, those of them that are its log, and who waits for one.
 *
 * Invariants: a line is told once, whole, when its end has come; those who wait
 * see past lines too, and are told when no line can come any more.
 * Not promised: an order between stdout and stderr.
 */

/** One JSON line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>> & {
  readonly msg: string;
};

/** How much of the output an error message quotes. */
const QUOTED_LINES = 30;

export class ServiceOutput {
  readonly #log: LogLine[] = [];
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #exitCode: number | null = null;

  /** The JSON lines so far. */
  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** All lines so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes what the stream says; resolves at its end. */
  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let open = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (open + text).split("\n");
      open = lines.pop() ?? "";
      this.#take(lines);
    }
    if (open !== "") this.#take([open]);
  }

  /** The process has ended and all of its output is read. */
  close(exitCode: number): void {
    this.#exitCode = exitCode;
    this.#look();
  }

  /**
   * The first line, past ones included, that has this `msg` or that the
   * predicate accepts.
   *
   * @throws Error with the newest output when the process ends, or after
   * `withinMs`.
   */
  waitForLog(
    wanted: string | ((line: LogLine) => boolean),
    withinMs: number,
  ): Promise<LogLine> {
    const matches = typeof wanted === "string"
      ? (line: LogLine) => line.msg === wanted
      : wanted;
    const what = typeof wanted === "string" ? `"${wanted}"` : "a log line";
    let seen = 0;
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const look = () => {
        for (; seen < this.#log.length; seen++) {
          const line = this.#log[seen];
          if (line === undefined || !matches(line)) continue;
          done();
          return resolve(line);
        }
        if (this.#exitCode === null) return;
        done();
        const ended = `the process ended with ${this.#exitCode} before ${what}`;
        reject(this.failure(ended));
      };
      const timer = setTimeout(() => {
        done();
        reject(this.failure(`${withinMs} ms passed without ${what}`));
      }, withinMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** An error that says why, and quotes the newest lines. */
  failure(why: string): Error {
    const quoted = this.#lines.slice(-QUOTED_LINES).join("\n");
    return new Error(`The service failed: ${why}. Its output:\n${quoted}`);
  }

  #take(lines: readonly string[]): void {
    for (const text of lines) {
      this.#lines.push(text);
      const line = parseLogLine(text);
      if (line !== null) this.#log.push(line);
    }
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function parseLogLine(text: string): LogLine | null {
  if (!text.startsWith("{")) return null;
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line !== "object" || line === null || !("msg" in line)) {
      return null;
    }
    const { msg } = line;
    return typeof msg === "string" ? { ...line, msg } : null;
  } catch {
    return null;
  }
}
