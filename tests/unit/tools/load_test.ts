import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { status } from "@grpc/grpc-js";
import { RpcError } from "../../../src/grpc/errors.ts";
import type { UnaryHandler } from "../../../src/grpc/context.ts";
import type {
  CreateOrderRequest,
  CreateOrderResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { GrpcEdge } from "../../../src/grpc/edge.ts";
import {
  CreateOrderResponse as CreateAnswer,
  OrderServiceService,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { unaryService } from "../../../src/grpc/service.ts";
import { Histogram } from "../../../tools/load/histogram.ts";
import {
  type IntentRecorder,
  noRecorder,
  parseRecord,
  type RecordLine,
} from "../../../tools/load/intents.ts";
import { between, oneOf, seededRandom } from "../../../tools/load/random.ts";
import { reportOf, tableOf } from "../../../tools/load/report.ts";
import { type LoadOptions, startLoad } from "../../../tools/load/run.ts";
import { Target } from "../../../tools/load/target.ts";
import { startInProcess } from "./fixtures/in_process.ts";

type CreateHandler = UnaryHandler<CreateOrderRequest, CreateOrderResponse>;
type Unstamped = Parameters<IntentRecorder["record"]>[0];

/** An edge that answers CreateOrder as a test wants; nothing else is called. */
async function createEdge(createOrder: CreateHandler) {
  const unexpected = () => Promise.reject(new Error("not part of this test"));
  const edge = new GrpcEdge({
    services: [
      unaryService(OrderServiceService, {
        createOrder,
        getOrder: unexpected,
        listOrders: unexpected,
        payOrder: unexpected,
        cancelOrder: unexpected,
        refundOrder: unexpected,
      }),
    ],
  });
  const { host, port } = await edge.start({ host: "127.0.0.1", port: 0 });
  return {
    address: `${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      await edge.force();
    },
  };
}

const answer = CreateAnswer.fromPartial({ order: { id: "ord_1", status: 1 } });

function unavailable(): RpcError {
  return new RpcError({
    code: status.UNAVAILABLE,
    reason: "STOPPING",
    message: "stopping",
    retryAfterMs: 1,
  });
}

function options(
  target: Target,
  change: Partial<LoadOptions> = {},
): LoadOptions {
  const never = new AbortController().signal;
  return {
    target,
    recorder: noRecorder,
    mode: "create",
    rps: 0,
    durationMs: 100,
    concurrency: 1,
    deadlineMs: 5_000,
    retries: 0,
    seed: 1,
    stopping: never,
    signal: never,
    ...change,
  };
}

Deno.test("percentiles are at most 2 % above the true ones and never above the largest", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
  for (const share of [0.5, 0.95, 0.99]) {
    const value = histogram.percentile(share);
    assert(value >= share * 1_000 && value <= share * 1_020, String(value));
  }
  assertEquals(histogram.percentile(1), 1_000);
  assertEquals([histogram.count, histogram.max], [1_000, 1_000]);
  assertEquals(new Histogram().percentile(0.99), 0);
});

Deno.test("the same seed gives the same chance, another seed another one", () => {
  const take = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 5 }, random);
  };
  assertEquals(take(7), take(7));
  assert(take(7).join() !== take(8).join());
  const random = seededRandom(1);
  const drawn = Array.from({ length: 2_000 }, () => between(random, 1, 4));
  assertEquals([...new Set(drawn)].sort(), [1, 2, 3, 4]);
  assertAlmostEquals(drawn.reduce((a, b) => a + b, 0) / 2_000, 2.5, 0.1);
  assertEquals(oneOf(random, ["only"]), "only");
});

Deno.test("an open loop counts latency from when a call was due, not from when it was sent", async () => {
  let calls = 0;
  await using edge = await createEdge(async () => {
    // The first call stalls; the later ones wait behind it in their one slot.
    if (calls++ === 0) await new Promise((done) => setTimeout(done, 150));
    return answer;
  });
  using target = new Target(edge.address);
  const run = startLoad(options(target, { rps: 100, durationMs: 100 }));
  await run.done;
  const report = run.stats.report("create", run.elapsedMs);
  assertEquals(report?.calls, 10);
  // Sent late, all ten waited for most of the stall: the median shows it.
  assert((report?.p50_ms ?? 0) > 50, String(report?.p50_ms));
});

Deno.test("a closed loop runs as many flows at once as it may, and no more", async () => {
  let running = 0;
  let most = 0;
  await using edge = await createEdge(async () => {
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 5));
    running -= 1;
    return answer;
  });
  using target = new Target(edge.address);
  await startLoad(options(target, { concurrency: 4 })).done;
  assertEquals(most, 4);
});

Deno.test("a repeated intent keeps its key, and counts and is recorded once", async () => {
  const keys: string[] = [];
  await using edge = await createEdge((_request, { metadata }) => {
    keys.push(String(metadata.get("idempotency-key")[0]));
    if (keys.length < 3) throw unavailable();
    return Promise.resolve(answer);
  });
  using target = new Target(edge.address, { channelRetries: false });
  const lines: Unstamped[] = [];
  const run = startLoad(options(target, {
    recorder: { record: (line) => lines.push(line) },
    rps: 1,
    durationMs: 1,
    retries: 5,
  }));
  await run.done;
  assertEquals(new Set(keys).size, 1);
  assertEquals(keys.length, 3);
  assertEquals(lines.map(({ type }) => type), ["intent", "ack"]);
  assertEquals(lines[1], {
    type: "ack",
    key: keys[0] ?? "",
    order_id: "ord_1",
    status: "PENDING",
    codes: ["UNAVAILABLE", "UNAVAILABLE", "OK"],
  });
  const report = run.stats.report("create", run.elapsedMs);
  assertEquals([report?.calls, report?.retries], [1, 2]);
  assertEquals(report?.codes, { OK: 1 });
  assertEquals(run.stats.attemptCodes, { OK: 1, UNAVAILABLE: 2 });
});

Deno.test("retries are bounded, and a final code is not repeated", async () => {
  for (const final of [false, true]) {
    let calls = 0;
    await using edge = await createEdge(() => {
      calls += 1;
      if (!final) throw unavailable();
      throw new RpcError({
        code: status.FAILED_PRECONDITION,
        reason: "NO",
        message: "no",
      });
    });
    using target = new Target(edge.address, { channelRetries: false });
    const types: RecordLine["type"][] = [];
    await startLoad(options(target, {
      recorder: { record: ({ type }) => types.push(type) },
      rps: 1,
      durationMs: 1,
      retries: 2,
    })).done;
    assertEquals(calls, final ? 1 : 3);
    assertEquals(types, ["intent", final ? "refused" : "gave_up"]);
  }
});

Deno.test("stopping lets flows finish, aborting ends them, and neither is a failure", async () => {
  await using edge = await createEdge(async () => {
    await new Promise((done) => setTimeout(done, 30));
    return answer;
  });
  using target = new Target(edge.address);
  const stop = new AbortController();
  const soft = startLoad(options(target, {
    durationMs: Infinity,
    stopping: stop.signal,
  }));
  setTimeout(() => stop.abort(), 10);
  await soft.done;
  assertEquals([soft.stats.flowsFinished, soft.stats.ok], [1, 1]);

  const cut = new AbortController();
  const hard = startLoad(options(target, {
    durationMs: 1,
    signal: cut.signal,
  }));
  setTimeout(() => cut.abort(), 10);
  await hard.done;
  assertEquals([hard.stats.flowsFinished, hard.stats.flowsFailed], [1, 0]);
  assertEquals(hard.stats.ok, 0);
});

Deno.test("a target that moves sends later calls to the new address and cuts none", async () => {
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  await using first = await createEdge(async () => {
    asked.push("first");
    await gate.promise;
    return answer;
  });
  await using second = await createEdge(() => {
    asked.push("second");
    gate.resolve();
    return Promise.resolve(answer);
  });
  using target = new Target(first.address);
  const call = () =>
    target.use((client) =>
      client.createOrder({ customerId: "c", currency: "EUR", items: [] })
    );
  const held = call();
  while (asked.length === 0) await new Promise((done) => setTimeout(done, 2));
  target.move(second.address);
  await call();
  await held;
  assertEquals(asked, ["first", "second"]);
});

Deno.test("each mode makes its calls, and the table shows them", async () => {
  await using service = await startInProcess();
  using target = new Target(service.address);
  const methods = async (mode: LoadOptions["mode"]) => {
    const run = startLoad(
      options(target, { mode, rps: 20, durationMs: 100, concurrency: 2 }),
    );
    await run.done;
    const report = reportOf(run, mode, 1);
    assertEquals(report.flows_failed, 0);
    // How many are due within the time depends on the machine.
    assert(/^[1-9]\d* flows /m.test(tableOf(report)), tableOf(report));
    return Object.keys(report.methods);
  };
  assertEquals(await methods("create"), ["create"]);
  assertEquals(await methods("create-pay"), ["create", "pay"]);
  assertEquals(await methods("create-pay-cancel"), ["create", "pay", "cancel"]);
  const refund = await methods("create-pay-refund");
  assertEquals(refund, ["create", "pay", "refund", "get"]);
});

Deno.test("a torn last line of a record is dropped, any other foreign line is refused", () => {
  const line = '{"type":"intent","key":"k","method":"pay","at":"2026-01-01"}';
  assertEquals(parseRecord(`${line}\n{"type":"ack","ke`).length, 1);
  assertThrows(() => parseRecord(`{"type":"x"}\n${line}\n`), Error, "line 1");
});
