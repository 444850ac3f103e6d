import { assert, assertEquals, assertRejects } from "@std/assert";
import { FIRST_GENERATION } from "../../../src/orders/events.ts";
import {
  StoreContradictionError,
  StoreFatalError,
  StoreUnavailableError,
} from "../../../src/storage/errors.ts";
import { CommitQueue } from "../../../src/storage/sqlite/commit_queue.ts";
import type {
  BatchReply,
  Counters,
  WriteRequest,
  WriteResult,
} from "../../../src/storage/sqlite/protocol.ts";
import { encodeChange } from "../../../src/storage/sqlite/encode.ts";
import { makeChange } from "../../support/fixtures.ts";
import type { WriterHost } from "../../../src/storage/sqlite/writer_host.ts";

const NONE: Counters = {
  pending: 0,
  position: 0,
  stuck: 0,
  open: { pay: 0, cancel: 0, refund: 0 },
};

/** A writer whose batches the test answers by hand. */
class ManualWriter implements WriterHost {
  readonly counters = NONE;
  readonly identity = {
    owner: "a",
    generation: FIRST_GENERATION,
    restored: false,
  };
  readonly batches: {
    readonly requests: readonly WriteRequest[];
    readonly reply: PromiseWithResolvers<BatchReply>;
  }[] = [];

  apply(requests: readonly WriteRequest[]): Promise<BatchReply> {
    const reply = Promise.withResolvers<BatchReply>();
    this.batches.push({ requests, reply });
    return reply.promise;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  names(batch: number): string[] {
    return (this.batches[batch]?.requests ?? []).map((request) =>
      request.kind === "report" ? request.report : request.kind
    );
  }

  answer(batch: number, result: WriteResult, counters = NONE): void {
    const { requests, reply } = this.batches[batch] ?? {};
    reply?.resolve({ results: requests?.map(() => result) ?? [], counters });
  }
}

const COMMITTED: WriteResult = { kind: "committed" };

function setUp() {
  const writer = new ManualWriter();
  const fatal: StoreFatalError[] = [];
  const batches: number[] = [];
  const queue = new CommitQueue(writer, (error) => fatal.push(error), {
    commit: (seconds, size) => {
      assert(seconds >= 0);
      batches.push(size);
    },
  });
  const submit = (name: string, signal?: AbortSignal) =>
    queue.submit({ kind: "report", report: name, now: 0 }, signal);
  return { writer, queue, submit, fatal, batches };
}

/** Lets queued microtasks run; the queue uses nothing slower. */
async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("commit queue: what arrives while a batch is out becomes the next batch", async () => {
  const { writer, submit, batches } = setUp();
  const first = submit("a");
  await turn();
  const later = [submit("b"), submit("c")];
  await turn();
  assertEquals(writer.batches.length, 1);
  assertEquals(writer.names(0), ["a"]);
  writer.answer(0, COMMITTED);
  assertEquals(await first, COMMITTED);
  assertEquals(writer.names(1), ["b", "c"]);
  writer.answer(1, COMMITTED);
  await Promise.all(later);
  assertEquals(batches, [1, 2]);
});

Deno.test("commit queue: answers and counters come only with the batch's reply", async () => {
  const { writer, queue, submit } = setUp();
  let answered = false;
  const first = submit("a").then(() => answered = true);
  await turn();
  assertEquals([answered, queue.counters.pending], [false, 0]);
  writer.answer(0, COMMITTED, { ...NONE, pending: 7 });
  await first;
  assertEquals(queue.counters.pending, 7);
});

Deno.test("commit queue: an abort takes a request out of the queue, not out of a batch", async () => {
  const { writer, submit } = setUp();
  const [out, queued] = [new AbortController(), new AbortController()];
  const running = submit("running", out.signal);
  await turn();
  const waiting = submit("waiting", queued.signal);
  const behind = submit("behind");
  const reason = new Error("client gone");
  queued.abort(reason);
  out.abort(reason);
  assertEquals(await assertRejects(() => waiting), reason);
  writer.answer(0, COMMITTED);
  assertEquals(await running, COMMITTED);
  await turn();
  assertEquals(writer.names(1), ["behind"]);
  writer.answer(1, COMMITTED);
  await behind;
});

Deno.test("commit queue: no listener stays on a long-lived signal", async () => {
  const { writer, submit } = setUp();
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  const all = ["a", "b", "c"].map((name) => submit(name, signal));
  assertEquals(listeners, 3);
  await turn();
  assertEquals(listeners, 0);
  writer.answer(0, COMMITTED);
  await Promise.all(all);
});

Deno.test("commit queue: beyond its bound it answers unavailable at once, and takes more when it has emptied", async () => {
  const { writer, queue, submit } = setUp();
  const first = submit("first");
  await turn();
  const waiting = Array.from({ length: 10_000 }, () => submit("waiting"));
  await assertRejects(
    () => submit("too many"),
    StoreUnavailableError,
    "10000 change sets wait",
  );
  writer.answer(0, COMMITTED);
  await first;
  const last = submit("fits again");
  const idle = queue.drain(new Error("closing"));
  for (let i = 1; i < 30; i++) {
    writer.answer(i, COMMITTED);
    await turn();
  }
  await Promise.all([...waiting, last, idle]);
});

Deno.test("commit queue: failures reach their own request as the port's errors", async () => {
  const { writer, submit, fatal } = setUp();
  const classes = ["unavailable", "contradiction"] as const;
  const results = Promise.allSettled([submit("a"), submit("b"), submit("c")]);
  await turn();
  writer.batches[0]?.reply.resolve({
    counters: NONE,
    results: [
      ...classes.map((c): WriteResult => ({
        kind: "failed",
        failure: { class: c, message: c },
      })),
      COMMITTED,
    ],
  });
  const [a, b, c] = await results;
  assert(a?.status === "rejected" && a.reason instanceof StoreUnavailableError);
  assert(
    b?.status === "rejected" && b.reason instanceof StoreContradictionError,
  );
  assertEquals(c?.status, "fulfilled");
  assertEquals(fatal, []);
});

Deno.test("commit queue: a fatal failure fails what is out, what waits and what comes, and is told once", async () => {
  const { writer, queue, submit, fatal } = setUp();
  const out = [submit("a"), submit("b")];
  await turn();
  const waiting = submit("c");
  const all = Promise.allSettled([...out, waiting]);
  writer.answer(0, {
    kind: "failed",
    failure: { class: "fatal", message: "disk I/O error" },
  });
  for (const result of await all) {
    assert(
      result.status === "rejected" && result.reason instanceof StoreFatalError,
    );
  }
  await assertRejects(() => submit("d"), StoreFatalError);
  await queue.drain(new Error("closing"));
  assertEquals(writer.batches.length, 1);
  assertEquals(fatal.map((error) => error.message), ["disk I/O error"]);
});

Deno.test("commit queue: a writer that is gone is fatal", async () => {
  const { writer, submit, fatal } = setUp();
  const all = Promise.allSettled([submit("a"), submit("b")]);
  await turn();
  writer.batches[0]?.reply.reject(new StoreFatalError("worker ended"));
  for (const result of await all) {
    assert(
      result.status === "rejected" && result.reason instanceof StoreFatalError,
    );
  }
  assertEquals(fatal.length, 1);
});

Deno.test("commit queue: drain refuses what is new and waits for what is queued", async () => {
  const { writer, queue, submit } = setUp();
  const queued = submit("a");
  const refusal = new StoreUnavailableError("closed");
  let drained = false;
  const drain = queue.drain(refusal).then(() => drained = true);
  assertEquals(await assertRejects(() => submit("b")), refusal);
  await turn();
  assertEquals(drained, false);
  writer.answer(0, COMMITTED);
  await Promise.all([queued, drain]);
  await queue.drain(refusal);
});

Deno.test("commit queue: a refused change is told until one is committed, for 30 s at the most", async () => {
  const writer = new ManualWriter();
  let now = 0;
  const queue = new CommitQueue(writer, () => {}, undefined, () => now);
  let batches = 0;
  const submit = async (request: WriteRequest, result: WriteResult) => {
    const outcome = queue.submit(request).catch((error) => error);
    await turn();
    writer.answer(batches++, result);
    return await outcome;
  };
  const change = encodeChange(makeChange({}), FIRST_GENERATION);
  const full: WriteResult = {
    kind: "failed",
    failure: { class: "unavailable", message: "full" },
  };
  assertEquals(queue.refusedChange, null);
  const error = await submit(change, full);
  assert(error instanceof StoreUnavailableError);
  assertEquals(queue.refusedChange, error);
  await submit({ kind: "ping" }, COMMITTED);
  assertEquals(queue.refusedChange, error, "a ping is no change");
  await submit(change, COMMITTED);
  assertEquals(queue.refusedChange, null);
  await submit({ kind: "ping" }, full);
  assertEquals(queue.refusedChange, null);
  await submit(change, full);
  now = 29_999;
  assert(queue.refusedChange !== null);
  now = 30_000;
  assertEquals(queue.refusedChange, null);
});
