import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { messages, NO_SIGNALS, Process } from "./process.ts";

const PROGRAMS = "tests/unit/lifecycle/programs";
// A worker's script is read by the process itself.
const READ_WORKER = "--allow-read=src/lifecycle";
const LEFT_OPEN = "exit was held up by something left open";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: NO_SIGNALS ? `${name} (skipped: no POSIX signals here)` : name,
    ignore: NO_SIGNALS,
    fn,
  });
}

test("F02 a signal before the app is imported is kept: nothing starts, exit 0", async () => {
  await using process = new Process(`${PROGRAMS}/late_import.ts`);
  await process.line("listening");
  process.kill("SIGTERM");
  await process.line("seen");
  await process.proceed();
  const { code, signal, lines } = await process.exit();
  assertEquals([code, signal], [0, null]);
  assertEquals(messages(lines), ["shutdown started", "shutdown complete"]);
});

test("F05 SIGHUP, SIGPIPE, SIGUSR1 and SIGQUIT do not kill; an idle stop leaves nothing open", async () => {
  await using process = new Process(`${PROGRAMS}/late_import.ts`);
  await process.proceed();
  await process.line("ready");
  for (const name of ["SIGHUP", "SIGPIPE", "SIGUSR1", "SIGQUIT"] as const) {
    process.kill(name);
  }
  await process.line("task dump");
  process.kill("SIGTERM");
  const { code, signal, lines } = await process.exit();
  assertEquals([code, signal], [0, null]);
  assert(!messages(lines).includes(LEFT_OPEN), lines.join("\n"));
});

test("F16 an unhandled rejection becomes an ordered stop, exit 1", async () => {
  await using process = new Process(`${PROGRAMS}/late_import.ts`, ["reject"]);
  await process.proceed();
  const { code, lines } = await process.exit();
  assertEquals(code, 1);
  assertEquals(messages(lines).slice(1), [
    "fatal error",
    "shutdown started",
    "shutdown complete",
  ]);
});

test("F15 a blocked event loop is reported by the watchdog; the stop goes on afterwards", async () => {
  const terminationLog = await Deno.makeTempFile();
  try {
    await using process = new Process(
      `${PROGRAMS}/blocked.ts`,
      ["report", "3000", terminationLog],
      [`--allow-write=${terminationLog}`, READ_WORKER],
    );
    await process.line("ready");
    await process.proceed();
    await process.line("blocking");
    // The main thread hears nothing of it for 3 s.
    process.kill("SIGTERM");
    const { code, lines, stderr } = await process.exit();
    const fired = JSON.parse(stderr.trim());
    assertEquals(fired.msg, "shutdown watchdog fired");
    assertEquals([fired.reason, fired.state], ["SIGTERM", "Ready"]);
    assertEquals(fired.leftover[0].order_id, "ord_1");
    assertEquals(fired.leftover[0].step, "charge");
    assertEquals(
      JSON.parse(await Deno.readTextFile(terminationLog)).outcome,
      "overdue",
    );
    assertEquals(code, 0);
    assertEquals(messages(lines).at(-1), "shutdown complete");
    assert(!messages(lines).includes(LEFT_OPEN), lines.join("\n"));
  } finally {
    await Deno.remove(terminationLog);
  }
});

test("F15 in mode kill the watchdog ends a process that is blocked for good", async () => {
  await using process = new Process(
    `${PROGRAMS}/blocked.ts`,
    ["kill", "60000"],
    ["--allow-run", READ_WORKER],
  );
  await process.line("ready");
  await process.proceed();
  await process.line("blocking");
  process.kill("SIGTERM");
  const { signal, stderr } = await process.exit();
  assertEquals(signal, "SIGKILL");
  assertStringIncludes(stderr, '"exit_code":137');
});

test("F15 a stderr that nobody reads keeps the watchdog neither from its report nor from the kill", async () => {
  const terminationLog = await Deno.makeTempFile();
  try {
    await using process = new Process(
      `${PROGRAMS}/blocked.ts`,
      ["kill", "60000", terminationLog, "full"],
      ["--allow-run", `--allow-write=${terminationLog}`, READ_WORKER],
      true,
    );
    await process.line("ready");
    await process.proceed();
    await process.line("blocking");
    process.kill("SIGTERM");
    assertEquals((await process.exit()).signal, "SIGKILL");
    assertEquals(
      JSON.parse(await Deno.readTextFile(terminationLog)).exit_code,
      137,
    );
  } finally {
    await Deno.remove(terminationLog);
  }
});

test("the HTTP example drains its jobs and exits 0 because nothing is left", async () => {
  await using process = new Process(
    "examples/01_http_server.ts",
    ["0"],
    ["--allow-net=127.0.0.1"],
  );
  const { port } = JSON.parse(await process.line("ready"));
  const response = await fetch(`http://127.0.0.1:${port}`);
  assertEquals(response.status, 202);
  await response.body?.cancel();
  process.kill("SIGTERM");
  const { code, lines } = await process.exit();
  assertEquals(code, 0);
  const from = messages(lines).indexOf("shutdown started");
  assertEquals(messages(lines).slice(from), [
    "shutdown started",
    "http stopped",
    "jobs drained",
    "shutdown complete",
  ]);
});

test("F04 the pool example: two SIGINTs at once are one stop", async () => {
  await using process = new Process("examples/02_worker_pool.ts", ["50"]);
  await process.line("processed");
  process.kill("SIGINT");
  process.kill("SIGINT");
  const { code, signal } = await process.exit();
  assertEquals([code, signal], [0, null]);
});

test("F08 the pool example: items that take too long are named, exit 3", async () => {
  await using process = new Process("examples/02_worker_pool.ts", ["60000"]);
  await process.line("pool started");
  process.kill("SIGTERM");
  const { code, lines } = await process.exit();
  assertEquals(code, 3);
  const report = JSON.parse(lines.at(-1) ?? "");
  assertEquals(report.leftover.length, 3);
  assertEquals(report.leftover[0].item, "item_0");
});

test("F04 the pool example: a second signal forces, exit 130", async () => {
  await using process = new Process("examples/02_worker_pool.ts", ["60000"]);
  await process.line("pool started");
  process.kill("SIGTERM");
  await process.line("shutdown started");
  // Not a wait for something: signals closer than 500 ms count as the same.
  await new Promise((resolve) => setTimeout(resolve, 600));
  process.kill("SIGINT");
  const { code, lines } = await process.exit();
  assertEquals(code, 130);
  assertEquals(JSON.parse(lines.at(-1) ?? "").outcome, "forced");
});
