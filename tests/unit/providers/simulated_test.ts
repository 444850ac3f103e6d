import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { chance } from "../../../src/providers/chance.ts";
import type {
  ProviderCall,
  ProviderObserver,
} from "../../../src/providers/provider.ts";
import {
  SimulatedProviders,
  type SimulatedSettings,
} from "../../../src/providers/simulated.ts";

const SETTINGS: SimulatedSettings = {
  latencyMs: 0,
  declineRate: 0,
  unknownRate: 0,
  seed: "s",
};
const noObserver: ProviderObserver = { request: () => {}, circuit: () => {} };

function call(
  key: string,
  signal = new AbortController().signal,
): ProviderCall {
  return {
    idempotencyKey: key,
    body: "{}",
    signal,
    correlationId: "c",
    traceparent: null,
  };
}

function providers(settings: Partial<SimulatedSettings> = {}) {
  const clock = new FakeClock();
  const simulated = new SimulatedProviders(
    { ...SETTINGS, ...settings },
    clock,
    noObserver,
  );
  return { clock, simulated };
}

Deno.test("the same key gets the same answer, also from the next process", async () => {
  for (const declineRate of [0, 0.5, 1]) {
    for (let i = 0; i < 20; i++) {
      const key = `saga_${i}:charge`;
      const first = providers({ declineRate });
      const second = providers({ declineRate });
      const answer = await first.simulated.charge(call(key));
      assertEquals(
        await first.simulated.charge(call(key)),
        answer,
      );
      assertEquals(
        await second.simulated.charge(call(key)),
        answer,
      );
    }
  }
});

Deno.test("an unknown answer hides the key's answer for a while and never changes it", async () => {
  const steady = providers({ declineRate: 0.5 });
  const shaky = providers({ declineRate: 0.5, unknownRate: 0.6 });
  let unknowns = 0;
  for (let i = 0; i < 50; i++) {
    const key = `saga_${i}:charge`;
    const expected = await steady.simulated.charge(call(key));
    let answer = await shaky.simulated.charge(call(key));
    while (answer.kind === "unknown") {
      unknowns += 1;
      answer = await shaky.simulated.charge(call(key));
    }
    assertEquals(answer, expected);
  }
  assert(unknowns > 20, `${unknowns} unknowns`);
});

Deno.test("undoing is never declined", async () => {
  const { clock, simulated } = providers({ declineRate: 1 });
  const kinds = [];
  for (const step of ["charge", "reserve", "refund", "release"] as const) {
    const answer = await clock.settle(simulated[step](call(`saga_1:${step}`)));
    kinds.push(answer.kind);
  }
  assertEquals(kinds, ["declined", "declined", "done", "done"]);
});

Deno.test("rates are rates", async () => {
  const { simulated } = providers({ declineRate: 0.2 });
  let declined = 0;
  for (let i = 0; i < 500; i++) {
    const answer = await simulated.charge(call(`saga_${i}:charge`));
    if (answer.kind === "declined") declined += 1;
  }
  assert(declined > 60 && declined < 140, `${declined} of 500`);
});

Deno.test("an abort rejects with its reason at once and leaves no timer", async () => {
  const { clock, simulated } = providers({ latencyMs: 1_000 });
  const stop = new AbortController();
  const answer = simulated.charge(call("saga_1:charge", stop.signal));
  await clock.flush();
  assertEquals(clock.timerCount, 1);
  const reason = new Error("stopping");
  stop.abort(reason);
  assertStrictEquals(await assertRejects(() => answer), reason);
  assertEquals(clock.timerCount, 0);
});

Deno.test("chance is even and depends on every word", () => {
  const buckets = new Array<number>(10).fill(0);
  const seen = new Set<number>();
  for (let i = 0; i < 10_000; i++) {
    const value = chance("seed", `key ${i}`);
    assert(value >= 0 && value < 1);
    seen.add(value);
    const bucket = Math.floor(value * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  assertEquals(seen.size, 10_000);
  for (const count of buckets) assert(count > 850 && count < 1_150, `${count}`);
  assert(chance("a", "b") !== chance("ab", ""));
});
