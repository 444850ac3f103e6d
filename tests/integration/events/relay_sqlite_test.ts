/** The relay between the real store and the real file. */
import { assertEquals } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import type { Publisher } from "../../../src/events/publisher.ts";
import { OutboxRelay } from "../../../src/events/relay.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeDraft, makeOrder } from "../../support/fixtures.ts";

function newRelay(store: Store, publisher: Publisher): OutboxRelay {
  return new OutboxRelay({
    store,
    publisher,
    clock: systemClock,
    log: () => {},
    observer: {
      enqueued: () => {},
      attempt: () => {},
      backlog: () => {},
    },
    options: {
      batchSize: 20,
      maxPending: 1_000,
      // Long: what arrives was woken by its commit.
      pollIntervalMs: 60_000,
      retryDelayMs: 10,
      maxRetryDelayMs: 100,
      topics: { order: "oms.order.events", saga: "oms.saga.events" },
      deadLetterTopic: "oms.dlq",
    },
    random: Math.random,
  });
}

/** Runs a relay over the store in `directory` until what `work` has committed is published. */
async function runOver(
  directory: string,
  owner: string,
  work: (store: Store, relay: OutboxRelay) => Promise<void>,
): Promise<void> {
  const store = await openSqliteStore({
    dir: directory,
    owner,
    onFatal: (error) => {
      throw error;
    },
  });
  const publisher = new FilePublisher(`${directory}/events.ndjson`);
  const relay = newRelay(store, publisher);
  const stop = new AbortController();
  const running = relay.run(stop.signal);
  try {
    await work(store, relay);
  } finally {
    stop.abort(new Error("the test ends"));
    await running;
    await publisher.close();
    await store.close();
  }
}

async function lines(directory: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${directory}/events.ndjson`);
  return text.trimEnd().split("\n").map((line) => idOf(line));
}

function idOf(line: string): string {
  return JSON.parse(line).headers["event-id"];
}

Deno.test("what concurrent commits leave is in the file once, each order's events in sequence; a restart repeats nothing", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await runOver(directory, "first", async (store, relay) => {
      await Promise.all(Array.from({ length: 120 }, async () => {
        const order = makeOrder({ id: `ord_${crypto.randomUUID()}` });
        const outbox = [
          makeDraft(order),
          makeDraft(order, { seq: 2, eventId: `${order.id}:order:2` }),
          makeDraft(order, { topic: "saga" }),
        ];
        await store.commit(makeChange({ orderInsert: order, outbox }));
        relay.notify(outbox.length);
      }));
      const signal = new AbortController().signal;
      assertEquals(await relay.flush(signal), { pending: 0 });
    });
    const ids = await lines(directory);
    assertEquals(ids.length, 360);
    assertEquals(new Set(ids).size, 360);
    for (const id of ids.filter((each) => each.endsWith(":order:2"))) {
      const first = id.replace(/2$/, "1");
      assertEquals(ids.indexOf(first) < ids.indexOf(id), true, id);
    }

    await runOver(directory, "second", async (_store, relay) => {
      const signal = new AbortController().signal;
      assertEquals(await relay.flush(signal), { pending: 0 });
    });
    assertEquals(await lines(directory), ids);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
