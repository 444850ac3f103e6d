/**
 * A service that may die and come back, with providers that remember and
 * clients that do not let go: what the demo and the chaos runs play on.
 *
 * Invariants: the providers outlive every incarnation of the service; at most
 * one incarnation runs; disposing ends it, and removes the folder unless it was
 * asked to keep it.
 */
import { type Clock, systemClock } from "@oms/lifecycle";
import {
  type Incident,
  judgeFiles,
  type LedgerPaths,
  type Verdict,
} from "../../tests/support/ledger/mod.ts";
import {
  type LogLine,
  type ServiceExit,
  type ServiceOptions,
  type ServiceProcess,
  type ServiceStop,
  startService,
} from "../../tests/support/service_process.ts";
import { FileRecorder } from "../load/intents.ts";
import { Target } from "../load/target.ts";
import type { Knobs } from "../providers/knobs.ts";
import {
  type ProviderServer,
  startProviderServer,
} from "../providers/server.ts";
import { pendingWork } from "./pending.ts";

export interface StageOptions {
  /** Beginning of the folder's name. */
  readonly name: string;
  readonly knobs: Partial<Knobs>;
  /** Variables of the service. */
  readonly env?: Readonly<Record<string, string>>;
}

const POLL_MS = 50;
/** An order without a saga has no pending work either; two looks in a row must say so. */
const QUIET_LOOKS = 3;

export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly paths: LedgerPaths;
  readonly recorder: FileRecorder;
  readonly #providers: ProviderServer;
  readonly #env: Readonly<Record<string, string>>;
  readonly #incidents: Incident[] = [];
  readonly #incarnations: ServiceProcess[] = [];
  readonly #clock: Pick<Clock, "wallNow" | "sleep"> = systemClock;
  #target: Target | null = null;
  /** True: the folder stays when the stage is disposed. */
  keep = false;

  private constructor(
    folder: string,
    providers: ProviderServer,
    options: StageOptions,
  ) {
    this.folder = folder;
    this.paths = pathsIn(folder);
    this.#providers = providers;
    this.#env = {
      OMS_PAYMENT_URL: providers.url,
      OMS_INVENTORY_URL: providers.url,
      ...options.env,
    };
    this.recorder = new FileRecorder(this.paths.intents);
  }

  /** Opens the providers; the service is not started yet. */
  static async open(options: StageOptions): Promise<Stage> {
    const folder = Deno.makeTempDirSync({ prefix: `oms_${options.name}_` });
    const providers = await startProviderServer({
      ledgerPath: pathsIn(folder).effects,
      knobs: options.knobs,
    });
    return new Stage(folder, providers, options);
  }

  /** Where the clients' calls go. @throws Error before the first start */
  get target(): Target {
    if (this.#target === null) throw new Error("The service was not started");
    return this.#target;
  }

  /** The newest incarnation. @throws Error before the first start */
  get service(): ServiceProcess {
    const newest = this.#incarnations.at(-1);
    if (newest === undefined) throw new Error("The service was not started");
    return newest;
  }

  /** What every incarnation is started with. */
  get serviceOptions(): ServiceOptions {
    return { dataDir: this.paths.dataDir, env: this.#env };
  }

  /** Starts the next incarnation and points the clients to it. @returns its `ready` line */
  async start(): Promise<LogLine> {
    const service = await startService(this.serviceOptions);
    this.#incarnations.push(service);
    if (this.#target === null) {
      this.#target = new Target(service.grpcAddress, { channelRetries: false });
    } else this.#target.move(service.grpcAddress);
    this.note(`ready, pid ${service.pid}`);
    return await service.ready();
  }

  /** @throws Error when the service does not end in time; it is killed then */
  async stop(withinMs?: number): Promise<ServiceStop> {
    this.note(`SIGTERM to ${this.service.pid}`);
    const stop = await this.service.stop("SIGTERM", withinMs);
    this.note(`exit ${stop.code} after ${Math.round(stop.durationMs)} ms`);
    return stop;
  }

  async kill(): Promise<ServiceExit> {
    this.note(`SIGKILL to ${this.service.pid}`);
    return await this.service.kill();
  }

  /** An incident for the ledger's stories. */
  note(what: string): void {
    this.#incidents.push({ at: this.#clock.wallNow(), what });
  }

  /**
   * Waits until every accepted saga has ended and every event is published.
   *
   * @returns null, or what is left after `withinMs`
   */
  async settle(
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const end = performance.now() + withinMs;
    let quiet = 0;
    for (;;) {
      const pending = await pendingWork(this.service.httpAddress);
      quiet = pending.sagas + pending.events === 0 ? quiet + 1 : 0;
      if (quiet >= QUIET_LOOKS) return null;
      if (performance.now() > end) {
        return `${withinMs} ms passed, and ${pending.sagas} sagas and ${pending.events} events are not settled`;
      }
      await this.#clock.sleep(POLL_MS, signal);
    }
  }

  /** Reads the records and judges. The service has to be stopped. */
  judge(): Verdict {
    return judgeFiles(this.paths, this.#incidents);
  }

  /** Puts the output of all incarnations beside the records. */
  saveLogs(): void {
    const output = this.#incarnations.flatMap((each) => [
      `# pid ${each.pid}`,
      ...each.output,
    ]);
    Deno.writeTextFileSync(
      `${this.folder}/service.log`,
      `${output.join("\n")}\n`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#incarnations) {
      await service[Symbol.asyncDispose]();
    }
    this.#target?.[Symbol.dispose]();
    await this.#providers[Symbol.asyncDispose]();
    this.recorder[Symbol.dispose]();
    if (this.keep) this.saveLogs();
    else await Deno.remove(this.folder, { recursive: true });
  }
}

function pathsIn(folder: string): LedgerPaths {
  return {
    intents: `${folder}/intents.ndjson`,
    effects: `${folder}/providers.ndjson`,
    dataDir: `${folder}/data`,
  };
}
