/** The clean-up's loop over a store that fails, and one that has much to clean up. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { runMaintenance } from "../../../src/app/maintenance.ts";
import { Ages } from "../../../src/storage/ages.ts";
import {
  StoreFatalError,
  StoreUnavailableError,
} from "../../../src/storage/errors.ts";
import type { PurgeQuery, PurgeResult } from "../../../src/storage/store.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";

const INTERVAL_MS = 60_000;
const BATCH = 10;

/** The loop, with a store that answers each purge by `purge`. */
class Cleaning implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly purges: PurgeQuery[] = [];
  readonly ended: Promise<void>;
  readonly #end = new AbortController();
  readonly #stack = new DisposableStack();

  constructor(purge: (nth: number) => PurgeResult) {
    const metrics = this.#stack.use(createMetrics());
    this.ended = runMaintenance({
      store: {
        purge: (query) =>
          Promise.try(() => {
            this.purges.push(query);
            return purge(this.purges.length);
          }),
      },
      clock: this.clock,
      ages: new Ages({ clock: this.clock, newestAt: null }),
      metrics: metrics.idempotency,
      log: silentLogger,
      intervalMs: INTERVAL_MS,
      batchSize: BATCH,
      outboxRetentionMs: 1_000,
    }, this.#end.signal);
    this.ended.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Error("over"));
    await this.ended.catch(() => {});
    this.#stack.dispose();
    assertEquals(this.clock.timerCount, 0);
  }
}

const NOTHING: PurgeResult = { answers: 0, outboxRows: 0 };

Deno.test("F30 a store that is unavailable puts the clean-up off, and does not end its loop", async () => {
  await using cleaning = new Cleaning((nth) => {
    if (nth < 3) throw new StoreUnavailableError("disk full");
    return NOTHING;
  });
  await cleaning.clock.flush();
  assertEquals(cleaning.purges.length, 1);
  await cleaning.clock.advance(INTERVAL_MS);
  assertEquals(cleaning.purges.length, 2);
  await cleaning.clock.advance(INTERVAL_MS);
  assertEquals(cleaning.purges.length, 3);
});

Deno.test("F16 a store that is broken ends the clean-up's loop with its error", async () => {
  await using cleaning = new Cleaning(() => {
    throw new StoreFatalError("I/O error");
  });
  await assertRejects(() => cleaning.ended, StoreFatalError, "I/O error");
});

Deno.test("full batches follow each other at once, the last one ends the run", async () => {
  const full = [{ answers: BATCH, outboxRows: 0 }, {
    answers: 0,
    outboxRows: BATCH,
  }];
  await using cleaning = new Cleaning((nth) => full[nth - 1] ?? NOTHING);
  await cleaning.clock.flush();
  assertEquals(cleaning.purges.length, 3);
  const now = cleaning.clock.wallNow();
  assertEquals(cleaning.purges.at(-1), {
    answersExpiredBefore: now,
    sentBefore: now - 1_000,
    limit: BATCH,
  });
  await cleaning.clock.advance(INTERVAL_MS - 1);
  assert(cleaning.purges.length === 3, "not before the next interval");
});
