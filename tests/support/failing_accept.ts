/**
 * accept(2) that fails in a running process: strace is attached to it and answers in the kernel's place.
 *
 * Invariants: once `attach` has resolved every accept(2) fails, or the next one where only that is asked for; after
 * `detach`, or disposing, none does. Only strace's own process is ended, never the traced one.
 */
import { TextLineStream } from "./text_lines.ts";

/** How many fail. */
export type Failing = "all" | "next";

export class FailingAccept implements AsyncDisposable {
  readonly #strace: Deno.ChildProcess;
  readonly #read: Promise<void>;

  private constructor(strace: Deno.ChildProcess, read: Promise<void>) {
    this.#strace = strace;
    this.#read = read;
  }

  /** @throws Error when strace ends instead */
  static async attach(
    pid: number,
    errno: string,
    failing: Failing,
  ): Promise<FailingAccept> {
    const when = failing === "next" ? ":when=1" : "";
    const strace = new Deno.Command("strace", {
      args: [
        ...["-f", "-p", String(pid), "-o", "/dev/null"],
        ...["-e", "trace=accept4,accept"],
        ...["-e", `inject=accept4,accept:error=${errno}${when}`],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const attached = Promise.withResolvers<void>();
    const said: string[] = [];
    const read = (async () => {
      const lines = strace.stderr.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) {
        said.push(line);
        // Of all its threads at once: the line says how many.
        if (/Process \d+ attached/.test(line)) attached.resolve();
      }
      attached.reject(new Error(`Cannot attach strace: ${said.join("\n")}`));
    })();
    await attached.promise;
    return new FailingAccept(strace, read);
  }

  /** The cause goes away. */
  async detach(): Promise<void> {
    try {
      this.#strace.kill("SIGTERM");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#strace.status;
    await this.#read;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach();
  }
}
