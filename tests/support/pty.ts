/**
 * A command in a terminal of its own, by util-linux `script`: keys go in, what
 * the terminal shows comes out.
 *
 * Invariants: the command runs in the foreground group of a real pseudo-terminal,
 * so that Ctrl-C is the terminal's doing; disposing ends it and leaves no reader.
 * Not promised: the signals' way to a program further down; that is what tests
 * find out with it.
 */

/** The key Ctrl-C. */
export const CTRL_C = "\x03";

export interface TerminalOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A terminal with one command in it. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #lookers = new Set<() => void>();
  #text = "";
  #over = false;

  /** @param command one command with its arguments; it takes the place of `sh`, which would report the key itself */
  constructor(command: string, options: TerminalOptions) {
    this.#child = new Deno.Command("script", {
      args: [
        "--quiet",
        "--flush",
        "--return",
        "--command",
        `exec ${command}`,
        "/dev/null",
      ],
      cwd: options.cwd,
      env: { ...options.env, SHELL: "/bin/sh" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Everything shown so far; lines end with CR LF. */
  get text(): string {
    return this.#text;
  }

  /** Types. */
  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits until this is shown. @throws Error with what is shown, after `withinMs` or at the end */
  shows(wanted: string, withinMs: number): Promise<void> {
    return this.#wait(`without "${wanted}"`, withinMs, () => {
      if (this.#text.includes(wanted)) return true;
      if (this.#over) throw new Error("the command has ended");
      return false;
    });
  }

  /** Waits for the end of the command; its exit code. @throws Error when it goes on */
  async ended(withinMs: number): Promise<number> {
    await this.#wait("and it still runs", withinMs, () => this.#over);
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#reading;
    await this.#child.status;
    await this.#keys.close().catch(() => {});
  }

  #wait(what: string, withinMs: number, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#lookers.delete(look);
        end();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${why}; shown:\n${this.#text}`)));
      const look = () => {
        try {
          if (done()) settle(resolve);
        } catch (error) {
          fail(`${error instanceof Error ? error.message : error} ${what}`);
        }
      };
      const timer = setTimeout(
        () => fail(`${withinMs} ms passed ${what}`),
        withinMs,
      );
      this.#lookers.add(look);
      look();
    });
  }

  async #read(): Promise<void> {
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      this.#text += part;
      this.#look();
    }
    this.#over = true;
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#lookers]) look();
  }
}
