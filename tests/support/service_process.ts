/**
 * The real service as a process: started as the task `run` starts it, watched
 * by its log, stopped by signals to its own pid.
 *
 * Invariants: the command is service_command.ts's; no OMS_*, KAFKA_* or LOG_* variable
 * of the caller's environment reaches the service; disposing ends the process
 * that was started here, and only that one, and leaves no reader or timer.
 * Not promised: that the process is in order when it is disposed: it is killed.
 * Whoever wants an orderly stop calls `stop` before.
 */
import { fileURLToPath } from "node:url";
import { AwakeTime } from "./awake_time.ts";
import { serviceCommand } from "./service_command.ts";
import { type LogLine, ServiceOutput } from "./service_output.ts";

/** How the process is started. */
export interface ServiceOptions {
  /** Folder of oms.db; made by the service. */
  readonly dataDir: string;
  /** Over the defaults: ports 0, JSON log. */
  readonly env?: Readonly<Record<string, string>>;
  /** Program and arguments; default: {@link serviceCommand}. */
  readonly command?: readonly string[];
  /** For the `ready` line, in ms; default 60,000. */
  readonly readyWithinMs?: number;
  /** Default: the project's root. */
  readonly cwd?: string;
}

/** How the process ended. */
export interface ServiceExit {
  /** As a shell sees it: 128 + n after signal n. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** How an orderly stop went. */
export interface ServiceStop extends ServiceExit {
  /** From sending the signal to the end of the process, in ms. */
  readonly durationMs: number;
  /** The same without the machine's pauses: what an upper bound is held against. */
  readonly awakeMs: number;
}

/**
 * For stops that are not about the store's budget: a machine that stands still for a second while the store closes
 * makes a timed-out phase, and exit 3, of one that was in order. With it, the sum fits into the default grace.
 */
export const PATIENT_STORE = { OMS_STORE_CLOSE_TIMEOUT: "8s" } as const;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 35_000;

/** A started process; it may still be starting. */
export class ServiceProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output = new ServiceOutput();
  readonly #readers: Promise<unknown>;
  #ended: ServiceExit | null = null;
  /** Resolves when the process has ended and all of its output is read. */
  readonly exit: Promise<ServiceExit>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#readers = Promise.all([
      this.#output.read(child.stdout),
      this.#output.read(child.stderr),
    ]);
    this.exit = this.#watchExit();
  }

  /** From the `ready` line; before it, the pid of the process that was spawned. */
  get pid(): number {
    const pid = this.#ready?.pid;
    return typeof pid === "number" ? pid : this.#child.pid;
  }

  /** `host:port`. @throws Error before the `ready` line */
  get grpcAddress(): string {
    return this.#address("grpc");
  }

  /** `host:port`. @throws Error before the `ready` line */
  get httpAddress(): string {
    return this.#address("http");
  }

  /** The JSON lines so far. */
  get log(): readonly LogLine[] {
    return this.#output.log;
  }

  /** All lines so far, of stdout and stderr. */
  get output(): readonly string[] {
    return this.#output.lines;
  }

  /** True until the process has ended. */
  get running(): boolean {
    return this.#ended === null;
  }

  /** Resolves with the `ready` line. @throws Error when it does not come */
  ready(withinMs = READY_WITHIN_MS): Promise<LogLine> {
    return this.waitForLog("ready", withinMs);
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
    withinMs = READY_WITHIN_MS,
  ): Promise<LogLine> {
    return this.#output.waitForLog(wanted, withinMs);
  }

  /** Sends a signal to the service's own pid; nothing happens when it has ended. */
  signal(name: Deno.Signal): void {
    if (this.#ended !== null) return;
    try {
      if (this.pid === this.#child.pid) this.#child.kill(name);
      else Deno.kill(this.pid, name);
    } catch (error) {
      // It ended between the look and the signal.
      const gone = error instanceof TypeError ||
        error instanceof Deno.errors.NotFound;
      if (!gone) throw error;
    }
  }

  /** SIGKILL, then the end. */
  kill(): Promise<ServiceExit> {
    this.signal("SIGKILL");
    return this.exit;
  }

  /**
   * Sends the signal and waits for the end.
   *
   * @throws Error after `withinMs`; the process is killed then.
   */
  async stop(
    signal: Deno.Signal = "SIGTERM",
    withinMs = STOP_WITHIN_MS,
  ): Promise<ServiceStop> {
    const started = performance.now();
    using awake = new AwakeTime();
    this.signal(signal);
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), withinMs);
    try {
      const exit = await Promise.race([this.exit, late.promise]);
      if (exit !== null) {
        const durationMs = performance.now() - started;
        return { ...exit, durationMs, awakeMs: awake.ms };
      }
    } finally {
      clearTimeout(timer);
    }
    await this.kill();
    throw this.#output.failure(
      `it did not end within ${withinMs} ms of ${signal}`,
    );
  }

  /** Kills the process when it still runs; resolves when nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  get #ready(): LogLine | undefined {
    return this.log.find(({ msg }) => msg === "ready");
  }

  #address(edge: "grpc" | "http"): string {
    const address = this.#ready?.[edge];
    if (typeof address === "string") return address;
    throw this.#output.failure(`its ready line names no ${edge} address`);
  }

  async #watchExit(): Promise<ServiceExit> {
    const { code, signal } = await this.#child.status;
    await this.#readers;
    this.#ended = { code, signal };
    this.#output.close(code);
    return this.#ended;
  }
}

/** Starts the process without waiting for anything: for tests of starts that fail. */
export function spawnService(options: ServiceOptions): ServiceProcess {
  const [program, ...args] = options.command ?? serviceCommand();
  if (program === undefined) {
    throw new Error("Cannot start the service: its command is empty");
  }
  const child = new Deno.Command(program, {
    args,
    cwd: options.cwd ?? ROOT,
    clearEnv: true,
    env: {
      ...foreignEnvironment(),
      LOG_FORMAT: "json",
      OMS_GRPC_ADDR: "127.0.0.1:0",
      OMS_METRICS_ADDR: "127.0.0.1:0",
      OMS_DATA_DIR: options.dataDir,
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new ServiceProcess(child);
}

/**
 * Starts the service and waits for its `ready` line.
 *
 * @throws Error with its output when that line does not come; nothing runs then.
 */
export async function startService(
  options: ServiceOptions,
): Promise<ServiceProcess> {
  const service = spawnService(options);
  try {
    await service.ready(options.readyWithinMs);
    return service;
  } catch (error) {
    await service.kill();
    throw error;
  }
}

function foreignEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      !/^(OMS_|KAFKA_|LOG_)/.test(name)
    ),
  );
}
