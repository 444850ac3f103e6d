/** Somebody removes or replaces a file of the store of a running service: it ends, and what it answered is there. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import type { Outcome } from "./recorded_calls.ts";
import { ended, World } from "./world.ts";

const LANES = 8;
const ORDERS = 40;

/** Clients that create and pay orders until the service fails them; answers OK that were begun after `mark`. */
class Load implements AsyncDisposable {
  readonly #world: World;
  readonly #lanes: Promise<void>;
  #ending = false;
  #marked = false;
  ok = 0;
  late = 0;

  constructor(world: World, service: ServiceProcess) {
    this.#world = world;
    this.#lanes = Promise.all(
      Array.from({ length: LANES }, () => this.#lane(service)),
    ).then(() => {});
  }

  /** From now on nothing that is begun may be answered. */
  mark(): void {
    this.#marked = true;
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#lanes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #lane(service: ServiceProcess): Promise<void> {
    const client = this.#world.client(service);
    while (!this.#ending && service.running) {
      const created = await this.#call(() => this.#world.create(client));
      if (!created.ok) continue;
      await this.#call(() => this.#world.pay(client, created.orderId));
    }
  }

  async #call(call: () => Promise<Outcome>): Promise<Outcome> {
    const late = this.#marked;
    const outcome = await call();
    if (outcome.ok) {
      this.ok += 1;
      if (late) this.late += 1;
    }
    return outcome;
  }
}

async function fatalOf(service: ServiceProcess): Promise<string> {
  const { code } = await ended(service);
  assertEquals(code, 1);
  const line = service.log.find(({ msg }) => msg === "fatal error");
  return JSON.stringify(line?.error);
}

Deno.test(
  "F75 a second process after rm oms.lock: the first one ends, no event is lost, the ledger is clean",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const first = await world.start();
    await using load = new Load(world, first);
    await until("load", () => load.ok >= ORDERS);
    await Deno.remove(`${world.dataDir}/oms.lock`);
    const second = world.spawn();
    const message = await fatalOf(first);
    assert(/another process|oms\.lock/.test(message), message);
    await load.end();

    await second.ready();
    await using further = new Load(world, second);
    await until("more load", () => further.ok >= ORDERS);
    await further.end();
    await world.quiet(second);
    assertEquals((await second.stop()).code, 0);
    world.assertLedger();
  },
);

const DAMAGES: Readonly<
  Record<string, {
    readonly damage: (dir: string) => Promise<void>;
    readonly mend: (dir: string) => Promise<void>;
  }>
> = {
  "oms.db removed": {
    damage: (dir) => Deno.rename(`${dir}/oms.db`, `${dir}/aside`),
    mend: (dir) => Deno.rename(`${dir}/aside`, `${dir}/oms.db`),
  },
  "oms.db replaced by an older copy": {
    damage: async (dir) => {
      await Deno.copyFile(`${dir}/oms.db`, `${dir}/copy`);
      await Deno.rename(`${dir}/oms.db`, `${dir}/aside`);
      await Deno.rename(`${dir}/copy`, `${dir}/oms.db`);
    },
    mend: (dir) => Deno.rename(`${dir}/aside`, `${dir}/oms.db`),
  },
  "an empty file copied over oms.db": {
    damage: async (dir) => {
      await Deno.copyFile(`${dir}/oms.db`, `${dir}/aside`);
      await Deno.truncate(`${dir}/oms.db`);
    },
    mend: async (dir) => {
      await Deno.writeFile(
        `${dir}/oms.db`,
        await Deno.readFile(`${dir}/aside`),
      );
    },
  },
  "the log removed": {
    damage: (dir) => Deno.rename(`${dir}/oms.db-wal`, `${dir}/aside`),
    mend: (dir) => Deno.rename(`${dir}/aside`, `${dir}/oms.db-wal`),
  },
  "the log deleted": {
    damage: (dir) => Deno.remove(`${dir}/oms.db-wal`),
    mend: () => Promise.resolve(),
  },
};

for (const [name, { damage, mend }] of Object.entries(DAMAGES)) {
  Deno.test(
    `F75 ${name}: the service ends before it answers another call; with the files put back the ledger is clean`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const service = await world.start();
      await using load = new Load(world, service);
      await until("load", () => load.ok >= ORDERS);
      await damage(world.dataDir);
      load.mark();
      const message = await fatalOf(service);
      assert(message.includes("oms.db"), message);
      await load.end();
      assertEquals(load.late, 0);

      await mend(world.dataDir);
      const next = await world.start();
      await world.quiet(next);
      assertEquals((await next.stop()).code, 0);
      assertGreater(world.intents.length, ORDERS / 2);
      world.assertLedger();
    },
  );
}

Deno.test(
  "F75 oms.db is removed while nobody calls: the service ends by itself",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    await Deno.remove(`${world.dataDir}/oms.db`);
    const message = await fatalOf(service);
    assert(message.includes("oms.db was removed"), message);
  },
);
