import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertFalse,
  assertGreater,
  assertStringIncludes,
} from "@std/assert";
import {
  createMetrics,
  grpcCodeName,
  type Metrics,
} from "../../../src/telemetry/metrics.ts";
import { EventLoopLag } from "../../../src/telemetry/process_metrics.ts";

/** Every name of the contract, with its type. */
const CONTRACT: Record<string, "counter" | "gauge" | "histogram"> = {
  grpc_server_started_total: "counter",
  grpc_server_handled_total: "counter",
  grpc_server_handling_seconds: "histogram",
  grpc_server_msg_received_total: "counter",
  grpc_server_msg_sent_total: "counter",
  oms_http_connections_open: "gauge",
  oms_http_connections_closed_total: "counter",
  oms_grpc_accepting: "gauge",
  oms_grpc_connections_open: "gauge",
  oms_grpc_connections_refused_total: "counter",
  oms_grpc_open_calls: "gauge",
  oms_grpc_refused_calls_total: "counter",
  oms_saga_started_total: "counter",
  oms_saga_completed_total: "counter",
  oms_saga_canceled_total: "counter",
  oms_saga_refunded_total: "counter",
  oms_saga_failed_total: "counter",
  oms_saga_duration_seconds: "histogram",
  oms_saga_step_duration_seconds: "histogram",
  oms_active_sagas: "gauge",
  oms_timeline_events_total: "counter",
  oms_outbox_events_total: "counter",
  oms_outbox_publish_attempts_total: "counter",
  oms_outbox_pending_records: "gauge",
  oms_outbox_oldest_pending_age_seconds: "gauge",
  oms_outbox_dead_letters: "gauge",
  oms_idempotency_cleanup_runs_total: "counter",
  oms_idempotency_cleanup_deleted_total: "counter",
  oms_idempotency_cleanup_last_deleted: "gauge",
  oms_shutdown_duration_seconds: "gauge",
  oms_shutdown_inflight_sagas: "gauge",
  oms_shutdown_inflight_rpcs: "gauge",
  oms_shutdown_phase_duration_seconds: "gauge",
  oms_lifecycle_state: "gauge",
  oms_last_shutdown_duration_seconds: "gauge",
  oms_last_shutdown_phase_duration_seconds: "gauge",
  oms_last_shutdown_leftover_sagas: "gauge",
  oms_last_shutdown_info: "gauge",
  oms_sagas_pending: "gauge",
  oms_saga_oldest_unfinished_age_seconds: "gauge",
  oms_sagas_stuck: "gauge",
  oms_sagas_resumed_total: "counter",
  oms_sagas_unknown_version: "gauge",
  oms_saga_steps_held_total: "counter",
  oms_clock_jumps_total: "counter",
  oms_clock_behind_store_seconds: "gauge",
  oms_provider_requests_total: "counter",
  oms_provider_request_duration_seconds: "histogram",
  oms_provider_circuit_state: "gauge",
  oms_provider_simulated: "gauge",
  oms_store_commit_duration_seconds: "histogram",
  oms_event_loop_lag_seconds: "gauge",
  oms_log_lines_dropped_total: "counter",
  oms_build_info: "gauge",
  process_resident_memory_bytes: "gauge",
  process_start_time_seconds: "gauge",
  process_cpu_seconds_total: "counter",
};

async function render(metrics: Metrics): Promise<string[]> {
  return (await metrics.render()).split("\n");
}

function valueOf(lines: string[], series: string): number {
  const line = lines.find((each) => each.startsWith(`${series} `));
  assert(line !== undefined, `no series ${series}`);
  return Number(line.slice(series.length + 1));
}

Deno.test("exactly the contract's metrics are exported", async () => {
  using metrics = createMetrics();
  const types = (await render(metrics))
    .filter((line) => line.startsWith("# TYPE "))
    .map((line) => line.split(" ").slice(2));
  assertEquals(Object.fromEntries(types), CONTRACT);
});

Deno.test("two sets of metrics share nothing", async () => {
  using first = createMetrics();
  using second = createMetrics();
  first.saga.started.inc();
  assertEquals(valueOf(await render(first), "oms_saga_started_total"), 1);
  assertEquals(valueOf(await render(second), "oms_saga_started_total"), 0);
});

Deno.test("exactly one lifecycle state is 1", async () => {
  using metrics = createMetrics();
  const states = async () =>
    (await render(metrics)).filter((line) =>
      line.startsWith("oms_lifecycle_state{")
    );
  const on = (lines: string[]) => lines.filter((line) => line.endsWith(" 1"));
  assertEquals(on(await states()), ['oms_lifecycle_state{state="Starting"} 1']);
  metrics.setLifecycleState("Draining");
  const after = await states();
  assertEquals(after.length, 6);
  assertEquals(on(after), ['oms_lifecycle_state{state="Draining"} 1']);
});

Deno.test("a served method has all its series from the start", async () => {
  using metrics = createMetrics();
  metrics.grpc.initGrpcMethods([{
    service: "oms.v1.OrderService",
    method: "PayOrder",
    type: "unary",
  }]);
  const lines = await render(metrics);
  const labels =
    'grpc_type="unary",grpc_service="oms.v1.OrderService",grpc_method="PayOrder"';
  assertArrayIncludes(lines, [
    `grpc_server_started_total{${labels}} 0`,
    `grpc_server_msg_received_total{${labels}} 0`,
    `grpc_server_msg_sent_total{${labels}} 0`,
    `grpc_server_handled_total{${labels},grpc_code="OK"} 0`,
    `grpc_server_handled_total{${labels},grpc_code="Unavailable"} 0`,
    `grpc_server_handling_seconds_count{${labels}} 0`,
  ]);
  assertEquals(
    lines.filter((l) => l.startsWith("grpc_server_handled_total{")).length,
    17,
  );
});

Deno.test("a call is counted under its method, a scanner's under unknown", async () => {
  using metrics = createMetrics();
  const { grpc } = metrics;
  grpc.initGrpcMethods([{ service: "a.B", method: "C", type: "unary" }]);
  for (const path of ["/a.B/C", "/x/1", "/x/2", "/wp-login.php"]) {
    const labels = grpc.labelsOf(path);
    grpc.started.inc(labels);
    grpc.handled.inc({ ...labels, grpc_code: grpcCodeName(12) });
    grpc.handling.observe(labels, 0.002);
  }
  const lines = await render(metrics);
  assertEquals(
    lines.filter((l) => l.startsWith("grpc_server_started_total{")).length,
    2,
  );
  const known = 'grpc_type="unary",grpc_service="a.B",grpc_method="C"';
  const other = known.replace("a.B", "unknown").replace('"C"', '"unknown"');
  assertArrayIncludes(lines, [
    `grpc_server_started_total{${known}} 1`,
    `grpc_server_started_total{${other}} 3`,
    `grpc_server_handled_total{${known},grpc_code="Unimplemented"} 1`,
    `grpc_server_handling_seconds_bucket{le="0.0025",${known}} 1`,
    `grpc_server_handling_seconds_bucket{le="0.001",${known}} 0`,
  ]);
});

Deno.test("status codes have the names that dashboards know", () => {
  assertEquals(
    [0, 1, 5, 9, 14, 16, 99, -1].map(grpcCodeName),
    [
      "OK",
      "Canceled",
      "NotFound",
      "FailedPrecondition",
      "Unavailable",
      "Unauthenticated",
      "Unknown",
      "Unknown",
    ],
  );
});

Deno.test("the last stop is exported whole and replaced whole", async () => {
  using metrics = createMetrics();
  metrics.lastShutdown.record({
    reason: "SIGTERM",
    outcome: "cut_off",
    exitCode: 3,
    durationMs: 5_250,
    phases: [{ phase: "grpc", durationMs: 5_000 }],
    leftoverSagas: 2,
  });
  assertArrayIncludes(await render(metrics), [
    "oms_last_shutdown_duration_seconds 5.25",
    'oms_last_shutdown_phase_duration_seconds{phase="grpc"} 5',
    "oms_last_shutdown_leftover_sagas 2",
    'oms_last_shutdown_info{reason="SIGTERM",outcome="cut_off",exit_code="3"} 1',
  ]);
  metrics.lastShutdown.record({
    reason: "SIGINT",
    outcome: "clean",
    exitCode: 0,
    durationMs: 10,
    phases: [],
    leftoverSagas: 0,
  });
  const text = await metrics.render();
  assertFalse(text.includes("SIGTERM"));
  assertFalse(text.includes('phase="grpc"'));
  assertStringIncludes(text, 'reason="SIGINT",outcome="clean"');
});

Deno.test("every handle reaches its metric", async () => {
  using metrics = createMetrics();
  metrics.setBuildInfo({ version: "1", commit: "c", runtime: "deno 2.8.3" });
  metrics.saga.stepDuration.observe({ step: "charge" }, 0.3);
  metrics.saga.pending.set({ saga: "refund" }, 4);
  metrics.saga.active.inc();
  metrics.saga.active.inc();
  metrics.saga.active.dec();
  metrics.outbox.publishAttempts.inc({ result: "failed" }, 2);
  metrics.idempotency.cleanupDeleted.inc(7);
  metrics.provider.requests.inc({
    provider: "payment",
    operation: "charge",
    outcome: "unknown",
  });
  metrics.provider.setCircuitState("inventory", "half_open");
  metrics.store.commitDuration.observe(0.0004);
  metrics.shutdown.phaseDuration.set({ phase: "sagas" }, 1.5);
  metrics.logLinesDropped.inc(3);
  metrics.timelineEvents.inc();
  assertArrayIncludes(await render(metrics), [
    'oms_build_info{version="1",commit="c",runtime="deno 2.8.3"} 1',
    'oms_saga_step_duration_seconds_sum{step="charge"} 0.3',
    'oms_sagas_pending{saga="refund"} 4',
    'oms_sagas_pending{saga="pay"} 0',
    "oms_active_sagas 1",
    'oms_outbox_publish_attempts_total{result="failed"} 2',
    'oms_outbox_publish_attempts_total{result="sent"} 0',
    'oms_outbox_publish_attempts_total{result="dlq"} 0',
    'oms_outbox_publish_attempts_total{result="dlq_failed"} 0',
    'oms_idempotency_cleanup_runs_total{result="ok"} 0',
    "oms_idempotency_cleanup_deleted_total 7",
    'oms_provider_requests_total{provider="payment",operation="charge",outcome="unknown"} 1',
    'oms_provider_circuit_state{provider="inventory"} 1',
    'oms_store_commit_duration_seconds_bucket{le="0.0005"} 1',
    'oms_shutdown_phase_duration_seconds{phase="sagas"} 1.5',
    "oms_log_lines_dropped_total 3",
    "oms_timeline_events_total 1",
  ]);
});

Deno.test("the process's figures are true ones", async () => {
  using metrics = createMetrics();
  const lines = await render(metrics);
  assertGreater(valueOf(lines, "process_resident_memory_bytes"), 10 << 20);
  const started = valueOf(lines, "process_start_time_seconds");
  assertAlmostEquals(started, Date.now() / 1000, 3_600);
  const cpu = valueOf(lines, "process_cpu_seconds_total");
  assertGreater(cpu, 0);
  const again = valueOf(await render(metrics), "process_cpu_seconds_total");
  assert(again >= cpu && again < cpu + 5, `${cpu} then ${again}`);
});

Deno.test("the loop's lag is the worst of the last 30 s, and counts a block under way", () => {
  let now = 1_000;
  const lag = new EventLoopLag(() => now);
  try {
    const sampleAfter = (ms: number) => {
      now += ms;
      lag.sample();
    };
    sampleAfter(250);
    assertEquals(lag.read(), 0);
    sampleAfter(1_750);
    sampleAfter(350);
    assertEquals(lag.read(), 1.5);
    now += 3_250;
    assertEquals(lag.read(), 3);
    lag.sample();
    for (let i = 0; i < 100; i++) sampleAfter(250);
    assertEquals(lag.read(), 3);
    for (let i = 0; i < 25; i++) sampleAfter(250);
    assertEquals(lag.read(), 0);
  } finally {
    lag.stop();
  }
});
