/** Two processes on one store: what the simulation does at random, once in order, to be read. */
import { assert, assertEquals } from "@std/assert";
import { stepKey } from "../../../src/orders/saga.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryState, MemoryStore } from "../../../src/storage/memory.ts";
import type { Leases, Store } from "../../../src/storage/store.ts";
import { makeChange, makeOrder, makeSaga } from "../../support/fixtures.ts";
import { type SagaProcess, wireProcess } from "../../support/saga_process.ts";
import { QuickClock } from "../../support/saga_world.ts";
import { ScriptedProviders } from "../../support/scripted_providers.ts";
import { ANY_OWNER } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const LEASE_MS = 9_000;

class TwoOwners implements AsyncDisposable {
  readonly clock = new QuickClock();
  readonly state = new MemoryState();
  readonly providers = new ScriptedProviders(this.clock);
  readonly errors: string[] = [];
  readonly order = makeOrder({ payAccepted: true, lastSagaNumber: 1 });
  readonly saga = makeSaga(this.order, {
    number: 1,
    nextAttemptAt: this.clock.wallNow(),
  });
  /** Whether the first owner's renewals reach the store. */
  renewing = true;
  readonly first = this.#process("first", (leases) => ({
    kind: "timed",
    renew: (held, ms) =>
      this.renewing && leases.kind === "timed"
        ? leases.renew(held, ms)
        : Promise.reject(new StoreUnavailableError("partitioned")),
  }));
  readonly second = this.#process("second", (leases) => leases);

  constructor() {
    const { order, saga } = this;
    const change = makeChange({ orderInsert: order, sagaInsert: saga });
    this.state.apply(change, ANY_OWNER);
  }

  get stored() {
    const saga = this.state.sagas.get(this.saga.id);
    const order = this.state.orders.get(this.order.id);
    assert(saga !== undefined && order !== undefined);
    return { saga, status: order.status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { dispatcher, group } of [this.first, this.second]) {
      dispatcher.close();
      group.abort(new Error("The test is over"));
    }
    await this.clock.flush();
  }

  #process(owner: string, leases: (real: Leases) => Leases): SagaProcess {
    const { clock, state, providers } = this;
    const leaseClock = () => clock.now();
    const real: Store = new MemoryStore(state, owner, { leaseClock });
    const store: Store = Object.defineProperty(real, "leases", {
      value: leases(real.leases),
    });
    return wireProcess({
      owner,
      clock,
      store,
      newestAt: state.newestAt(),
      providers,
      overBacklog: () => false,
      ended: () => {},
      error: (line) => this.errors.push(line),
    }, { leaseMs: LEASE_MS });
  }
}

Deno.test("F34 of two that look at one store one runs the saga, for as long as it takes", async () => {
  await using world = new TwoOwners();
  world.providers.script("charge", { kind: "late", ms: 5 * LEASE_MS });
  await world.first.dispatcher.start();
  await world.second.dispatcher.start();
  await world.clock.advance(4 * LEASE_MS);
  assertEquals(world.stored.saga.owner, "first");
  await world.clock.advance(2 * LEASE_MS);
  assertEquals(world.stored.status, "CONFIRMED");
  assertEquals(world.providers.calls.length, 2);
  assertEquals(world.errors, []);
});

Deno.test("F34 an owner that cannot renew stops its call at 2/3 of the lease and hands the saga over", async () => {
  await using world = new TwoOwners();
  world.providers.script("reserve", { kind: "hang", effect: true });
  await world.first.dispatcher.start();
  world.renewing = false;
  await world.clock.advance(LEASE_MS * 2 / 3 - 1);
  assertEquals(world.stored.saga.owner, "first");
  assertEquals(world.providers.running, 1);
  world.first.dispatcher.close();
  await world.clock.advance(1);
  assertEquals(world.providers.running, 0, "before anybody else may take it");
  assertEquals(world.stored.saga.owner, null);
  await world.second.dispatcher.start();
  await world.clock.advance(1_000);
  assertEquals(world.stored.status, "CONFIRMED");
  assertEquals(world.providers.effects("reserve").length, 1);
});

Deno.test("F34 an owner that has died is waited for, for its lease, and its open step resolved under the same key", async () => {
  await using world = new TwoOwners();
  world.providers.script("charge", {
    kind: "held",
    until: new Promise(() => {}),
  });
  await world.first.dispatcher.start();
  await world.clock.flush();
  world.renewing = false;
  // Nothing of it is heard any more.
  world.first.store.commit = () => new Promise(() => {});
  await world.second.dispatcher.start();
  await world.clock.advance(LEASE_MS - 1);
  assertEquals(world.stored.saga.owner, "first");
  await world.clock.advance(1_001);
  assertEquals(world.stored.status, "CONFIRMED");
  const keys = new Set(world.providers.callsOf("charge").map(({ key }) => key));
  assertEquals([world.providers.callsOf("charge").length, keys.size], [2, 1]);
});

Deno.test("F26 F34 a claim that the store answers too late: nobody is called, the saga is handed back", async () => {
  await using world = new TwoOwners();
  const { clock, first: { store, dispatcher } } = world;
  // An earlier process may have called: its step is resolved as soon as the claim is answered.
  world.state.sagas.set(world.saga.id, {
    ...world.saga,
    attempt: {
      step: "reserve",
      request: "{}",
      key: stepKey(world.saga.id, "reserve"),
      firstAttemptAt: clock.wallNow(),
      unknowns: 0,
    },
  });
  const commit = store.commit.bind(store);
  store.commit = async (change) => {
    store.commit = commit;
    const result = await commit(change);
    await clock.sleep(LEASE_MS * 2 / 3);
    return result;
  };
  await dispatcher.start();
  await clock.flush();
  assertEquals(world.stored.saga.owner, "first");
  dispatcher.close();
  await clock.advance(LEASE_MS * 2 / 3);
  assertEquals(world.providers.calls, []);
  assertEquals(world.stored.saga.owner, null);
  assert(world.stored.saga.attempt !== null, "it is still to be resolved");
});
