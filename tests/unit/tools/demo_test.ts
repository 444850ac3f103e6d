import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { withoutSeparator } from "../../../tools/client/parse.ts";
import { parsePending } from "../../../tools/demo/pending.ts";
import { stopTimeline } from "../../../tools/demo/timeline.ts";

Deno.test("pending work is summed over all series; metrics without it are an error", () => {
  const text = [
    "# TYPE oms_sagas_pending gauge",
    'oms_sagas_pending{saga="pay"} 2',
    'oms_sagas_pending{saga="refund"} 1',
    "oms_outbox_pending_records 4",
    "oms_outbox_pending_records_more 9",
  ].join("\n");
  assertEquals(parsePending(text), { sagas: 3, events: 4 });
  assertThrows(() => parsePending("# nothing"), Error, "oms_sagas_pending");
});

Deno.test("a stop's timeline names each phase with its time, and what was left", () => {
  const text = stopTimeline({
    msg: "shutdown complete",
    reason: "SIGTERM",
    exit_code: 3,
    duration_ms: 30,
    phases: [
      { phase: "grpc", outcome: "done", duration_ms: 10 },
      { phase: "sagas", outcome: "timed_out", duration_ms: 20 },
      { phase: "http", outcome: "done", duration_ms: 0 },
    ],
    leftover: [{ task: "sagas/pay/ord_1", step: "charge", age_ms: 20 }],
  });
  const lines = text.split("\n");
  assertEquals(lines[0], "SIGTERM: stopped in 30 ms, exit 3, 1 leftover");
  assertStringIncludes(lines[2] ?? "", "sagas      20 ms  timed_out");
  assertStringIncludes(lines[4] ?? "", "sagas/pay/ord_1, charge, 20 ms old");
});

Deno.test("the separator that deno task hands on is no argument", () => {
  assertEquals(withoutSeparator(["--", "get", "--", "x"]), ["get", "--", "x"]);
  assertEquals(withoutSeparator(["get"]), ["get"]);
});
