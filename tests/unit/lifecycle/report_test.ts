import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  type PhaseResult,
  reportToJson,
  type ShutdownReport,
  truncateReport,
} from "@oms/lifecycle";
import { harness, never, phase } from "./harness.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

function result(phase: string, errors: Error[] = []): PhaseResult {
  return {
    phase,
    outcome: errors.length > 0 ? "timed_out" : "done",
    durationMs: 12.6,
    errors,
    cutOff: false,
    leftover: [],
    details: {},
  };
}

function report(leftovers: number, text = "charge"): ShutdownReport {
  return {
    reason: { kind: "signal", signal: "SIGTERM" },
    startedAtMs: Date.UTC(2026, 10, 24, 8, 0, 0, 5),
    durationMs: 1234.5,
    exitCode: 3,
    outcome: "cut_off",
    phases: [result("grpc"), result("sagas", [new Error("ran out")])],
    leftover: Array.from({ length: leftovers }, (_, i) => ({
      name: `sagas/pay/ord_${i}`,
      ageMs: 5000.4,
      step: text,
      stepAgeMs: 10,
      labels: { order_id: `ord_${i}`, saga_id: `saga_${i}` },
    })),
  };
}

Deno.test("the JSON form has the contract's names and spreads labels into leftovers", () => {
  assertEquals(reportToJson(report(1)), {
    reason: "SIGTERM",
    detail: "received SIGTERM",
    started_at: "2026-11-24T08:00:00.005Z",
    duration_ms: 1235,
    exit_code: 3,
    outcome: "cut_off",
    phases: [
      { phase: "grpc", outcome: "done", duration_ms: 13 },
      {
        phase: "sagas",
        outcome: "timed_out",
        duration_ms: 13,
        error: "ran out",
      },
    ],
    leftover: [{
      task: "sagas/pay/ord_0",
      order_id: "ord_0",
      saga_id: "saga_0",
      step: "charge",
      age_ms: 5000,
    }],
  });
});

Deno.test("a label cannot replace a fixed field; forced and fatal are told", () => {
  const base = report(1);
  const json = reportToJson({
    ...base,
    reason: { kind: "fatal", error: new Error("loop died") },
    error: new Error("loop died"),
    forcedBy: "SIGINT",
    leftover: base.leftover.map((task) => ({
      ...task,
      labels: { task: "forged", age_ms: "0" },
    })),
  });
  assertEquals(json.leftover[0]?.task, "sagas/pay/ord_0");
  assertEquals(json.leftover[0]?.age_ms, 5000);
  assertEquals([json.reason, json.detail, json.error, json.forced_by], [
    "fatal",
    "fatal error: loop died",
    "loop died",
    "SIGINT",
  ]);
});

Deno.test("a report that fits is left as it is", () => {
  const small = report(2);
  assertEquals(
    truncateReport(small, 4096),
    JSON.stringify(reportToJson(small)),
  );
});

Deno.test("a long one loses leftovers from the end, as few as it can, and says how many", () => {
  const text = truncateReport(report(500), 4096);
  const parsed = JSON.parse(text);
  assert(bytes(text) <= 4096 && bytes(text) > 4096 - 200);
  assertEquals(parsed.leftover[0].order_id, "ord_0");
  assertEquals(parsed.leftover.length + parsed.leftover_omitted, 500);
  assertEquals(parsed.phases.length, 2);
});

Deno.test("texts and then phases go when leftovers are not enough", () => {
  const long = "ж".repeat(10_000);
  const shortened = JSON.parse(truncateReport({
    ...report(1),
    phases: [result("sagas", [new Error(long)])],
  }, 1024));
  assertEquals(shortened.phases[0].error.length, 80);
  const many = truncateReport({
    ...report(1),
    phases: Array.from({ length: 100 }, (_, i) => result(`phase_${i}`)),
  }, 512);
  assertEquals(JSON.parse(many).phases, []);
  assertEquals(JSON.parse(many).exit_code, 3);
});

Deno.test("a limit that cannot hold the essentials is refused", () => {
  assertThrows(() => truncateReport(report(0), 255), RangeError, "256");
});

Deno.test("property: any report becomes valid JSON within any limit", () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  fc.assert(
    fc.property(
      fc.nat({ max: 60 }),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.integer({ min: 256, max: 5000 }),
      (leftovers, text, limit) => {
        const cut = truncateReport({
          ...report(leftovers, text),
          reason: { kind: "fatal", error: new Error(text) },
          error: new Error(text),
          phases: [result(text, [new Error(text)])],
        }, limit);
        assert(bytes(cut) <= limit);
        const parsed = JSON.parse(cut);
        assertEquals([parsed.reason, parsed.exit_code], ["fatal", 3]);
        assertEquals(
          parsed.leftover.length + (parsed.leftover_omitted ?? 0),
          leftovers,
        );
      },
    ),
    { seed, numRuns: 300 },
  );
});

Deno.test("a log that bounds its lines takes the last line of a stop that left 10,000 tasks", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("grpc", {
        run: never,
        cutOff: true,
        leftover: () => report(10_000).leftover,
      }),
    ])
  );
  h.signals.send("SIGTERM");
  assertEquals((await h.clock.settle(done)).leftover.length, 10_000);
  const { msg, fields } = h.lines.at(-1) ?? {};
  assertEquals([msg, fields?.exit_code], ["shutdown complete", 3]);
  assert(JSON.stringify(fields).length <= 256 * 1024);
  assert(Array.isArray(fields?.leftover));
  assertEquals(
    fields.leftover.length + Number(fields.leftover_omitted),
    10_000,
  );
});
