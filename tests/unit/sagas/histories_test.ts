/**
 * Random histories: calls, provider answers, crash points and times, from a seed. Whatever happens, once all has
 * settled the verdict is empty.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { OrderId } from "../../../src/orders/ids.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { verdict } from "../../support/saga_verdict.ts";
import type { Script } from "../../support/scripted_providers.ts";

Deno.test.sanitizer({ ops: true, resources: true });

type Op =
  | { readonly kind: "pay" | "cancel"; readonly order: number }
  | {
    readonly kind: "refund";
    readonly order: number;
    readonly amount: bigint | null;
  }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "crash" };

interface History {
  readonly ops: readonly Op[];
  readonly scripts: readonly Script[];
  readonly crashAt: readonly number[];
  /** Numbers of the saga commits and reads that find the store unavailable. */
  readonly unavailable: readonly number[];
  readonly random: readonly number[];
  /** Whether the caller waits for an answer before the next call. */
  readonly patient: boolean;
}

const order = fc.nat({ max: 1 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pay"), order }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel"), order }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("refund"),
      order,
      amount: fc.constantFrom(null, 1n, 30n, 50n, 60n, 100n, 101n),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("time"),
      ms: fc.constantFrom(0, 1, 20, 60, 400, 5_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash") }) },
) as fc.Arbitrary<Op>;

/** Undoing is declined by nobody here: that parks sagas, and has tests of its own. */
const script: fc.Arbitrary<Script> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Script>({ kind: "done" }) },
  { weight: 1, arbitrary: fc.constant<Script>({ kind: "declined" }) },
  {
    weight: 3,
    arbitrary: fc.boolean().map((effect): Script => ({
      kind: "unknown",
      effect,
    })),
  },
  { weight: 1, arbitrary: fc.constant<Script>({ kind: "misconfigured" }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1, 30, 300).map((ms): Script => ({
      kind: "late",
      ms,
    })),
  },
);

const history: fc.Arbitrary<History> = fc.record({
  ops: fc.array(op, { minLength: 1, maxLength: 14 }),
  scripts: fc.array(script, { maxLength: 12 }),
  crashAt: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 4 }),
  unavailable: fc.uniqueArray(fc.nat({ max: 50 }), { maxLength: 6 }),
  random: fc.array(fc.double({ min: 0, max: 0.99, noNaN: true }), {
    minLength: 1,
    maxLength: 5,
  }),
  patient: fc.boolean(),
});

async function live(history: History): Promise<string[]> {
  let drawn = 0;
  const { random } = history;
  await using world = new SagaWorld({
    crashAt: history.crashAt,
    random: () => random[drawn++ % random.length] ?? 0,
  });
  let used = 0;
  world.providers.choose = ({ step }) => {
    const next = history.scripts[used++] ?? { kind: "done" };
    const undoes = step === "release" || step === "refund";
    return undoes && next.kind === "declined" ? { kind: "done" } : next;
  };
  const unavailable = new Set(history.unavailable);
  let touched = 0;
  const fault = () =>
    unavailable.has(touched++) ? new StoreUnavailableError("busy") : null;
  world.faults.commit = ({ sagaUpdate }) =>
    sagaUpdate === undefined ? null : fault();
  const ids = [await world.create(100n), await world.create(100n)];
  const calls: Promise<unknown>[] = [];
  world.faults.read = (method) => method === "order" ? null : fault();
  for (const op of history.ops) {
    const call = step(world, ids, op);
    calls.push(call);
    if (history.patient || op.kind === "time") await call;
  }
  await Promise.all(calls);
  world.faults.read = null;
  await world.settle(7_200_000);
  return verdict(world);
}

function step(
  world: SagaWorld,
  ids: readonly OrderId[],
  op: Op,
): Promise<unknown> {
  if (op.kind === "time") return world.fake.advance(op.ms);
  if (op.kind === "crash") {
    world.crash();
    return Promise.resolve();
  }
  const id = ids[op.order] ?? ids[0];
  if (id === undefined) throw new Error("orders were created");
  switch (op.kind) {
    case "pay":
      return world.pay(id);
    case "cancel":
      return world.cancel(id);
    case "refund":
      return world.refund(id, op.amount);
  }
}

Deno.test("F10 F22 F23 F25 whatever is called, answered and killed: every acknowledged effect happens once and the money adds up", async () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  console.log(`histories: seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(history, async (history) => {
      assertEquals(await live(history), []);
    }),
    { seed, numRuns: 2_000 },
  );
});
