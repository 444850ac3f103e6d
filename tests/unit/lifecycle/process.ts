/** A real Deno process, its lines as they come, its end. Not on Windows. */
import { assert } from "@std/assert";

export const NO_SIGNALS = Deno.build.os === "windows";

/** How long a test waits for something a process should do, in ms. */
const PATIENCE_MS = 60_000;

export interface Exit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #out: Promise<void>;
  readonly #err: Promise<string>;
  readonly #changed = new EventTarget();
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  /** @param unread stderr: a pipe that nobody reads, and that is full at some time */
  constructor(
    script: string,
    args: string[] = [],
    permissions: string[] = [],
    unread = false,
  ) {
    const root = new URL("../../../", import.meta.url);
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, script, ...args],
      cwd: root,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#out = this.#read();
    this.#err = unread
      ? this.#child.status.then(() => this.#child.stderr.cancel()).then(() =>
        ""
      )
      : new Response(this.#child.stderr).text();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a byte: the program goes on. */
  async proceed(): Promise<void> {
    await this.#stdin.write(new Uint8Array(1));
  }

  /** Waits until a line contains `text`. */
  async line(text: string): Promise<string> {
    const find = () => this.#lines.find((line) => line.includes(text));
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (let found = find();; found = find()) {
      if (found !== undefined) return found;
      assert(!deadline.aborted, `no line with ${text}: ${this.#lines}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#changed.addEventListener("line", () => {
          clearTimeout(timer);
          resolve();
        }, { once: true });
      });
    }
  }

  /** Its end. A process that has to be killed for it fails the test: a test may expect that very SIGKILL. */
  async exit(): Promise<Exit> {
    let late = false;
    const kill = setTimeout(() => {
      late = true;
      this.#child.kill("SIGKILL");
    }, PATIENCE_MS);
    const { code, signal } = await this.#child.status;
    clearTimeout(kill);
    await this.#out;
    assert(!late, `it still ran after ${PATIENCE_MS} ms: ${this.#lines}`);
    return { code, signal, lines: this.#lines, stderr: await this.#err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await Promise.all([this.#out, this.#err]);
    await this.#stdin.close().catch(() => {});
  }

  async #read(): Promise<void> {
    let rest = "";
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      this.#lines.push(...parts);
      this.#changed.dispatchEvent(new Event("line"));
    }
  }
}

/** The `msg` of each JSON line. */
export function messages(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith("{")).map((line) =>
    String(JSON.parse(line).msg)
  );
}
