/**
 * Random publishers, stores and crashes: whatever happens, first occurrences per key come in sequence, nothing is
 * lost, and a duplicate is the same bytes under the same id.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import {
  FakePublisher,
  type PublishOutcome,
} from "../../support/fake_publisher.ts";
import { FakeOutbox, RelayFixture } from "./fixtures.ts";

/** Fewer idle polls and shorter back-offs: every timer costs real time on the fake clock. */
const OPTIONS = { pollIntervalMs: 60_000, maxRetryDelayMs: 200 };

const seed = Math.floor(Math.random() * 2 ** 31);

type Step =
  | { readonly kind: "commit"; readonly order: string; readonly saga: boolean }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "crash" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      order: fc.constantFrom("a", "b", "c"),
      saga: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.integer({ min: 0, max: 400 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "crash" as const }) },
);

const outcome: fc.Arbitrary<PublishOutcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "ack" as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("fail" as const),
      written: fc.integer({ min: 0, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "hang" as const }) },
);

interface History {
  readonly steps: readonly Step[];
  readonly outcomes: readonly PublishOutcome[];
  readonly storeFailures: readonly boolean[];
  /** Every how many events one is refused by the broker; 0: none. */
  readonly refuseEvery: number;
}

async function play(history: History): Promise<void> {
  const outbox = new FakeOutbox();
  const publisher = new FakePublisher();
  const outcomes = [...history.outcomes];
  const failures = [...history.storeFailures];
  publisher.decide = () => outcomes.shift() ?? { kind: "ack" };
  publisher.refuses = (record) => {
    if (history.refuseEvery === 0 || record.topic === "oms.dlq") return false;
    const seq = Number(record.headers["event-id"]?.split(":").at(-1));
    return seq % history.refuseEvery === 0;
  };
  outbox.before = () => {
    if (failures.shift() === true) throw new StoreUnavailableError("busy");
  };
  let fixture = new RelayFixture(outbox, publisher, OPTIONS);
  fixture.start();
  for (const step of history.steps) {
    switch (step.kind) {
      case "commit":
        fixture.commit(step.saga ? "saga" : "order", step.order);
        break;
      case "advance":
        await fixture.clock.advance(step.ms);
        break;
      case "crash":
        // A kill leaves a publish and a mark at whatever they had reached.
        await fixture.stop();
        fixture = new RelayFixture(outbox, publisher, OPTIONS);
        fixture.start();
    }
  }
  publisher.decide = () => ({ kind: "ack" });
  outbox.before = () => {};
  await fixture.stop();
  fixture = new RelayFixture(outbox, publisher, OPTIONS);
  fixture.start();
  await fixture.clock.advance(5_000);
  await fixture.stop();
  assertEquals(fixture.clock.timerCount, 0);
  judge(outbox, publisher);
}

function judge(outbox: FakeOutbox, publisher: FakePublisher): void {
  assertEquals(outbox.sent.size, outbox.rows.length, "all is marked");
  const values = new Map(outbox.rows.map((row) => [row.eventId, row.value]));
  const firsts = new Map<string, number[]>();
  const dead = new Set<string>();
  const seen = new Set<string>();
  for (const record of publisher.written) {
    const id = record.headers["event-id"] ?? "";
    if (record.topic === "oms.dlq") {
      dead.add(id);
      continue;
    }
    assertEquals(record.value, values.get(id), "the frozen bytes");
    if (seen.has(id)) continue;
    seen.add(id);
    const key = `${record.topic} ${record.key}`;
    const seqs = firsts.get(key) ?? [];
    seqs.push(Number(id.split(":").at(-1)));
    firsts.set(key, seqs);
  }
  for (const [key, seqs] of firsts) {
    assertEquals(seqs, seqs.toSorted((a, b) => a - b), `order of ${key}`);
  }
  for (const row of outbox.rows) {
    const there = seen.has(row.eventId) || dead.has(row.eventId);
    assertEquals(there, true, `${row.eventId} is lost`);
  }
}

Deno.test(`random failures and crashes lose nothing and keep the order (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        steps: fc.array(step, { maxLength: 40 }),
        outcomes: fc.array(outcome, { maxLength: 30 }),
        storeFailures: fc.array(fc.boolean(), { maxLength: 20 }),
        refuseEvery: fc.constantFrom(0, 0, 2, 3),
      }),
      play,
    ),
    { seed, numRuns: 150 },
  );
});
