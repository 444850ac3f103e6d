/**
 * A service that may die and come back, with providers that remember and
 * clients that do not let go: what the demo and the chaos runs play on.
 *
 * Invariants: the providers' ledger and the broker's topics outlive every
 * incarnation of the service; at most one incarnation runs; disposing ends all,
 * and removes the folder unless it was asked to keep it.
 */
import { type Clock, systemClock } from "@oms/lifecycle";
import { failpointCommand } from "../../tests/support/failpoints/process.ts";
import { WallClockFile } from "../../tests/support/failpoints/wall_clock_file.ts";
import {
  type EventFact,
  type Incident,
  judgeFiles,
  type LedgerPaths,
  readPublished,
  type Verdict,
} from "../../tests/support/ledger/mod.ts";
import {
  type Sabotage,
  sabotage,
} from "../../tests/support/ledger/sabotage.ts";
import type { LogLine } from "../../tests/support/service_output.ts";
import {
  type ServiceExit,
  type ServiceProcess,
  type ServiceStop,
  spawnService,
} from "../../tests/support/service_process.ts";
import { FileRecorder } from "../load/intents.ts";
import type { Random } from "../load/random.ts";
import { Target } from "../load/target.ts";
import type { Knobs } from "../providers/knobs.ts";
import { pendingWork } from "./pending.ts";
import { SmallDisk } from "./small_disk.ts";
import { pathsIn, saveRecords } from "./records.ts";
import { StageBroker } from "./stage_broker.ts";
import { StageProviders } from "./stage_providers.ts";

export interface StageOptions {
  /** Beginning of the folder's name. */
  readonly name: string;
  readonly knobs: Partial<Knobs>;
  /** Variables of the service. */
  readonly env?: Readonly<Record<string, string>>;
  /** True: events go to a real broker. Default: to a file. */
  readonly kafka?: boolean;
  /** True: the data is on a file system whose space can be taken away. */
  readonly smallDisk?: boolean;
  /** True: the service's wall clock can be moved; it is started by the test entry point. */
  readonly wallClock?: boolean;
}

/** What one incarnation is started with, beside the stage's own options. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A plan (tests/support/failpoints/plan.ts): starts the test entry point. */
  readonly failpoints?: string;
}

/** What consumers got. */
export interface Published {
  readonly records: number;
  /** Those that were there before, with the same id. */
  readonly repeated: number;
}

const POLL_MS = 50;
/** An order without a saga has no pending work either; two looks in a row must say so. */
const QUIET_LOOKS = 3;
/** Where the clock was moved, sagas that are parked stay: nothing has changed for so long, in ms. */
const STILL_MS = 10_000;

export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly paths: LedgerPaths;
  readonly recorder: FileRecorder;
  readonly providers: StageProviders;
  readonly broker: StageBroker | null;
  readonly disk: SmallDisk | null;
  readonly #env: Readonly<Record<string, string>>;
  readonly #incidents: Incident[] = [];
  readonly #incarnations: ServiceProcess[] = [];
  #events: readonly EventFact[] = [];
  readonly #clock: Pick<Clock, "wallNow" | "sleep"> = systemClock;
  readonly #wallClock: WallClockFile | null;
  #furthestAheadMs = 0;
  #target: Target | null = null;
  /** True: the folder stays when the stage is disposed. */
  keep = false;

  private constructor(
    folder: string,
    options: StageOptions,
    parts: {
      readonly providers: StageProviders;
      readonly broker: StageBroker | null;
      readonly disk: SmallDisk | null;
    },
  ) {
    const { providers, broker, disk } = parts;
    this.folder = folder;
    this.paths = pathsIn(folder);
    this.providers = providers;
    this.broker = broker;
    this.disk = disk;
    this.#env = {
      OMS_PAYMENT_URL: providers.url,
      OMS_INVENTORY_URL: providers.url,
      ...broker?.env,
      ...options.env,
    };
    this.#wallClock = options.wallClock
      ? new WallClockFile(`${folder}/wall-clock`)
      : null;
    this.recorder = new FileRecorder(this.paths.intents);
  }

  /**
   * Opens the providers, the broker and the disk; the service is not started
   * yet.
   *
   * @throws RefusedError when the machine lacks what one of them needs
   */
  static async open(options: StageOptions): Promise<Stage> {
    const folder = Deno.makeTempDirSync({ prefix: `oms_${options.name}_` });
    await using parts = new AsyncDisposableStack();
    parts.defer(() => Deno.remove(folder, { recursive: true }));
    const { effects, dataDir } = pathsIn(folder);
    const { knobs } = options;
    const disk = options.smallDisk
      ? parts.use(await SmallDisk.mount(dataDir))
      : null;
    const broker = options.kafka ? parts.use(await StageBroker.start()) : null;
    const providers = parts.use(await StageProviders.start(effects, knobs));
    const stage = new Stage(folder, options, { providers, broker, disk });
    parts.move();
    return stage;
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

  /** Starts the next incarnation and waits for nothing. */
  spawn(options: StartOptions = {}): ServiceProcess {
    const plan = [
      ...(this.#wallClock === null ? [] : [this.#wallClock.failpoint]),
      ...(options.failpoints === undefined ? [] : [options.failpoints]),
    ].join(";");
    const service = spawnService({
      dataDir: this.paths.dataDir,
      env: {
        ...this.#env,
        ...options.env,
        ...(plan === "" ? {} : { OMS_FAILPOINT: plan }),
      },
      ...(plan === "" ? {} : { command: failpointCommand() }),
    });
    this.#incarnations.push(service);
    this.note(`start, pid ${service.pid}${plan === "" ? "" : `, ${plan}`}`);
    return service;
  }

  /**
   * Starts the next incarnation and points the clients to it.
   *
   * @returns its `ready` line
   * @throws Error when that does not come; the process is ended then
   */
  async start(options: StartOptions = {}): Promise<LogLine> {
    const service = this.spawn(options);
    try {
      const ready = await service.ready();
      if (this.#target === null) {
        const retries = { channelRetries: false };
        this.#target = new Target(service.grpcAddress, retries);
      } else this.#target.move(service.grpcAddress);
      this.note(`ready, pid ${service.pid}`);
      return ready;
    } catch (error) {
      await service.kill();
      throw error;
    }
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

  /** @throws Error on a stage without a wall clock of its own */
  moveWallClock(aheadMs: number): void {
    if (this.#wallClock === null) {
      throw new Error("Cannot move the wall clock: it is the machine's");
    }
    this.#wallClock.move(aheadMs);
    this.#furthestAheadMs = Math.max(this.#furthestAheadMs, aheadMs);
  }

  /** From now on the wall clock is past every time that the service can have stored. */
  passAllTimes(): void {
    this.#wallClock?.move(this.#furthestAheadMs);
  }

  /** An incident for the ledger's stories. */
  note(what: string): void {
    this.#incidents.push({ at: this.#clock.wallNow(), what });
  }

  /**
   * Waits until every accepted saga has ended and every event is published; where the clock was moved, until
   * nothing changes any more: the judge knows which sagas are parked, and whether they may be.
   *
   * @returns null, or what is left after `withinMs`
   */
  async settle(
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const end = performance.now() + withinMs;
    let quiet = 0;
    let left = { sagas: -1, since: 0 };
    for (;;) {
      const pending = await pendingWork(this.service.httpAddress);
      quiet = pending.sagas + pending.events === 0 ? quiet + 1 : 0;
      if (quiet >= QUIET_LOOKS) return null;
      if (pending.sagas !== left.sagas || pending.events > 0) {
        left = { sagas: pending.sagas, since: performance.now() };
      }
      const still = performance.now() - left.since > STILL_MS;
      if (still && this.#wallClock !== null) return null;
      if (performance.now() > end) {
        return `${withinMs} ms passed, and ${pending.sagas} sagas and ${pending.events} events are not settled`;
      }
      await this.#clock.sleep(POLL_MS, signal);
    }
  }

  /** Puts a defect into the records. The service has to be stopped. @returns what was done, for people */
  async sabotage(what: Sabotage, random: Random): Promise<string> {
    return what === "lost-event" && this.broker !== null
      ? await this.broker.loseEvent(random)
      : sabotage(what, this.paths, random);
  }

  /** Reads the records and the topics and judges. The service has to be stopped. */
  async judge(): Promise<{ verdict: Verdict; published: Published }> {
    const events = await this.broker?.events() ?? readPublished(this.paths);
    this.#events = events;
    const distinct = new Set(events.map(({ id }) => id)).size;
    return {
      verdict: judgeFiles(this.paths, this.#incidents, events, {
        clockMoved: this.#wallClock !== null,
      }),
      published: {
        records: events.length,
        repeated: events.length - distinct,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#incarnations) {
      await service[Symbol.asyncDispose]();
    }
    this.#target?.[Symbol.dispose]();
    await this.providers[Symbol.asyncDispose]();
    await this.broker?.[Symbol.asyncDispose]();
    this.recorder[Symbol.dispose]();
    const { disk, folder } = this;
    if (this.keep) {
      // A file publisher's events are in the data folder.
      const topics = this.broker === null ? [] : this.#events;
      saveRecords(folder, this.#incarnations, this.#incidents, topics);
    }
    if (disk !== null) {
      const aside = `${folder}/data.kept`;
      disk.keepIn = this.keep ? aside : null;
      await disk[Symbol.asyncDispose]();
      await Deno.remove(disk.dir);
      if (this.keep) await Deno.rename(aside, disk.dir);
    }
    if (!this.keep) await Deno.remove(folder, { recursive: true });
  }
}
