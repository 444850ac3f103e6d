/** What the four endpoints say, and to whom. */
import { assertEquals, assertMatch } from "@std/assert";
import { LIFECYCLE_STATES, type LifecycleState } from "@oms/lifecycle";
import type { HealthReport } from "../../../src/http/health.ts";
import { type HttpDeps, HttpServer } from "../../../src/http/server.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ENDPOINTS = ["/livez", "/readyz", "/healthz", "/metrics"];

/** What ordinary Prometheus servers ask for (2.x; 3.x with native histograms). */
const PROMETHEUS = [
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
];

const HEALTHY: HealthReport = {
  status: "healthy",
  timestamp: "2026-01-01T00:00:00.000Z",
  checks: { store: { status: "healthy", message: "well", duration_ms: 1 } },
  version: "1",
  uptime_seconds: 1,
};

type Get = (
  path: string,
  init?: RequestInit,
) => Promise<{ status: number; headers: Headers; text: string }>;

async function serve(
  deps: Partial<HttpDeps>,
  use: (get: Get) => Promise<void>,
): Promise<void> {
  const server = new HttpServer({
    metrics: () => Promise.resolve("oms_sagas_stuck 0\n"),
    health: () => Promise.resolve(HEALTHY),
    state: () => "Ready",
    log: silentLogger,
    ...deps,
  });
  const { port } = server.start("127.0.0.1", 0);
  const client = Deno.createHttpClient({});
  try {
    await use(async (path, init = {}) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        ...init,
        client,
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text };
    });
  } finally {
    client.close();
    await server.stop();
  }
}

Deno.test("each endpoint answers GET, and HEAD with the same headers and no body", async () => {
  await serve({}, async (get) => {
    for (const path of ENDPOINTS) {
      const whole = await get(path);
      const head = await get(path, { method: "HEAD" });
      assertEquals(
        [whole.status, head.status, head.text],
        [200, 200, ""],
        path,
      );
      assertEquals(
        head.headers.get("content-type"),
        whole.headers.get("content-type"),
        path,
      );
      assertEquals((await get(`${path}?from=probe`)).status, 200);
    }
  });
});

Deno.test("another method is 405 with what is allowed, another path 404", async () => {
  await serve({}, async (get) => {
    for (const path of ENDPOINTS) {
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        const { status, headers } = await get(path, { method });
        assertEquals([status, headers.get("allow")], [405, "GET, HEAD"]);
      }
    }
    for (const path of ["/", "/health", "/METRICS", "/metrics/", "/livez/x"]) {
      assertEquals((await get(path)).status, 404, path);
      assertEquals((await get(path, { method: "POST" })).status, 404, path);
    }
  });
});

Deno.test("/metrics is Prometheus text, whatever a Prometheus server would rather have", async () => {
  await serve({}, async (get) => {
    for (const accept of [...PROMETHEUS, "text/html", "*/*"]) {
      const { status, headers, text } = await get("/metrics", {
        headers: { accept },
      });
      assertEquals([status, text], [200, "oms_sagas_stuck 0\n"]);
      assertEquals(
        headers.get("content-type"),
        "text/plain; version=0.0.4; charset=utf-8",
      );
    }
  });
});

Deno.test("/livez is 200 ok and /readyz follows the state, in every state", async () => {
  let state: LifecycleState = "Starting";
  // A store that is gone is not for /readyz to say.
  const health = () =>
    Promise.resolve<HealthReport>({ ...HEALTHY, status: "unhealthy" });
  await serve({ state: () => state, health }, async (get) => {
    for (state of LIFECYCLE_STATES) {
      const live = await get("/livez");
      assertEquals([live.status, live.text], [200, "ok"], state);
      const ready = await get("/readyz");
      assertEquals(ready.status, state === "Ready" ? 200 : 503, state);
      assertEquals(JSON.parse(ready.text), { state });
      assertMatch(
        ready.headers.get("content-type") ?? "",
        /^application\/json\b/,
      );
    }
  });
});

Deno.test("/healthz is 503 only when unhealthy, and JSON as the report is", async () => {
  let report = HEALTHY;
  const health = () => Promise.resolve(report);
  await serve({ health }, async (get) => {
    for (
      const [status, code] of [
        ["healthy", 200],
        ["degraded", 200],
        ["unhealthy", 503],
      ] as const
    ) {
      report = { ...HEALTHY, status };
      const answer = await get("/healthz");
      assertEquals(answer.status, code);
      assertEquals(JSON.parse(answer.text), report);
    }
  });
});

Deno.test("an endpoint that breaks is 500 without details", async () => {
  const metrics = () => Promise.reject(new Error("secret"));
  await serve({ metrics }, async (get) => {
    const { status, text } = await get("/metrics");
    assertEquals([status, text], [500, "internal error\n"]);
  });
});
