/**
 * One JVM after the other on one data directory.
 *
 * A node outlives the test that started it and may be used by several test
 * files, so nothing of it is a resource of this runtime: a small shell starts
 * the JVM, waits for it, and says in files what became of it.
 *
 * Invariants: the JVM ends with the process that owns it, whatever ends that
 * one, SIGKILL included, and the directory goes with it; only pids that were
 * written down here, and whose end was not, are signalled. Not promised: that
 * it survives a SIGKILL of that shell; other systems than POSIX.
 */
import { BrokerError } from "./errors.ts";
import { run } from "../run_program.ts";

const LOOK_MS = 20;
/** From SIGTERM to SIGKILL, in ms. */
const STOP_MS = 15_000;
const QUOTED_LINES = 30;

/**
 * `$1` directory, `$2` prefix of this run's files, `$3` owner's pid, then the
 * command. Ctrl-C in a terminal reaches every process in it: the owner decides.
 */
const SUPERVISOR = `trap '' INT HUP
dir=$1 run=$2 owner=$3; shift 3
"$@" >"$run.log" 2>&1 </dev/null &
jvm=$!
echo "$jvm" >"$run.pid.new" && mv "$run.pid.new" "$run.pid"
( while kill -0 "$owner"; do sleep 0.5; done; kill -KILL "$jvm" ) &
watch=$!
wait "$jvm"
echo "$?" >"$run.exit.new" && mv "$run.exit.new" "$run.exit"
kill "$watch"
kill -0 "$owner" || rm -rf -- "$dir"
`;
/** The supervisor must not be our child: we would have to keep it. */
const LAUNCH = `sh -c "$0" supervisor "$@" >/dev/null 2>&1 </dev/null &`;

export class Node {
  readonly #dir: string;
  readonly #command: readonly string[];

  /** `dir` is absolute and ours alone; it is removed when the owner ends. */
  constructor(dir: string, command: readonly string[]) {
    this.#dir = dir;
    this.#command = command;
  }

  /** True from the start of a JVM to its end, also while it is paused. */
  running(): boolean {
    const run = this.#file(this.#latest());
    return read(`${run}.pid`) !== null && read(`${run}.exit`) === null;
  }

  /** Of the newest JVM. @throws BrokerError when none was started */
  pid(): number {
    const pid = Number(read(`${this.#file(this.#latest())}.pid`) ?? NaN);
    if (Number.isInteger(pid)) return pid;
    throw new BrokerError(`Cannot signal: no JVM was started in ${this.#dir}`);
  }

  /** What the newest JVM has logged. */
  log(): string {
    return read(`${this.#file(this.#latest())}.log`) ?? "";
  }

  /** Starts a JVM and waits until its log has the text. @throws BrokerError */
  async start(ready: string, withinMs: number): Promise<void> {
    if (this.running()) throw new BrokerError("Cannot start: it runs already");
    const run_ = this.#file(this.#latest() + 1);
    await Deno.writeTextFile(`${run_}.log`, "");
    const launched = await run("sh", [
      ...["-c", LAUNCH, SUPERVISOR, this.#dir, run_, String(Deno.pid)],
      ...this.#command,
    ]);
    if (!launched?.success) throw new BrokerError("Cannot start: sh failed");
    const ended = () => read(`${run_}.exit`) !== null;
    try {
      await this.#until(
        `"${ready}"`,
        () => this.log().includes(ready) || ended(),
        withinMs,
      );
    } catch (error) {
      await this.kill();
      throw error;
    }
    if (ended()) throw this.#failure("it ended while it started");
  }

  signal(name: Deno.Signal): void {
    if (!this.running()) return;
    try {
      Deno.kill(this.pid(), name);
    } catch (error) {
      // It ended between the look and the signal.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** SIGKILL; resolves when the JVM is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended(STOP_MS);
  }

  /** SIGTERM, also for a paused one, and SIGKILL when that is not enough. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    this.signal("SIGCONT");
    try {
      await this.#ended(STOP_MS);
    } catch {
      await this.kill();
    }
  }

  async #ended(withinMs: number): Promise<void> {
    await this.#until("its end", () => !this.running(), withinMs);
  }

  /** Number of the newest run; 0: none. */
  #latest(): number {
    let run = 0;
    while (read(`${this.#file(run + 1)}.log`) !== null) run++;
    return run;
  }

  #file(run: number): string {
    return `${this.#dir}/run-${run}`;
  }

  async #until(
    what: string,
    condition: () => boolean,
    withinMs: number,
  ): Promise<void> {
    const end = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > end) {
        throw this.#failure(`${withinMs} ms passed without ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #failure(why: string): BrokerError {
    const last = this.log().trimEnd().split("\n").slice(-QUOTED_LINES);
    return new BrokerError(`The broker failed: ${why}.\n${last.join("\n")}`);
  }
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
