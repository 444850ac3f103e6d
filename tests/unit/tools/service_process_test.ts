import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { parseTask } from "../../support/service_command.ts";
import {
  type ServiceOptions,
  spawnService,
  startService,
} from "../../support/service_process.ts";

function fake(mode = ""): ServiceOptions {
  const script = new URL("./fixtures/fake_service.ts", import.meta.url);
  return {
    dataDir: "/nowhere",
    command: [
      Deno.execPath(),
      "run",
      "--no-config",
      "--allow-env",
      fileURLToPath(script),
      mode,
    ],
  };
}

Deno.test("a started service shows pid, addresses and its log, and stops by signal", async () => {
  await using service = await startService(fake());
  assertEquals(service.grpcAddress, "127.0.0.1:1");
  assertEquals(service.httpAddress, "127.0.0.1:2");
  assertEquals(service.running, true);
  const { code, signal } = await service.stop("SIGTERM", 10_000);
  assertEquals([code, signal], [3, null]);
  const last = await service.waitForLog("shutdown complete");
  assertEquals(last.exit_code, 3);
  assertStringIncludes(service.output.join("\n"), "not json {");
  assertEquals(service.running, false);
});

Deno.test("only the given variables of the service reach the process", async () => {
  Deno.env.set("OMS_SAGA_LEASE", "1s");
  Deno.env.set("KAFKA_BROKERS", "127.0.0.1:9");
  try {
    await using service = await startService({
      ...fake(),
      env: { OMS_LAME_DUCK: "1s" },
    });
    assertEquals((await service.ready()).env, [
      "OMS_DATA_DIR",
      "OMS_GRPC_ADDR",
      "OMS_LAME_DUCK",
      "OMS_METRICS_ADDR",
    ]);
  } finally {
    Deno.env.delete("OMS_SAGA_LEASE");
    Deno.env.delete("KAFKA_BROKERS");
  }
});

Deno.test("a start that fails rejects with the process's own words", async () => {
  const error = await assertRejects(() => startService(fake("refuse")), Error);
  assertStringIncludes(error.message, "ended with 1");
  assertStringIncludes(error.message, "OMS_GRPC_ADDR is wrong");
});

Deno.test("a start without a ready line is given up and nothing is left running", async () => {
  const error = await assertRejects(
    () => startService({ ...fake("mute"), readyWithinMs: 300 }),
    Error,
  );
  assertStringIncludes(error.message, "300 ms passed");
});

Deno.test("a process that ignores the stop is killed and reported", async () => {
  await using service = await startService(fake("deaf"));
  await assertRejects(() => service.stop("SIGTERM", 200), Error, "200 ms");
  const exit = await service.exit;
  assertEquals([exit.code, exit.signal], [137, "SIGKILL"]);
});

Deno.test("disposing kills what still runs", async () => {
  const service = spawnService(fake());
  await service[Symbol.asyncDispose]();
  assertEquals((await service.exit).signal, "SIGKILL");
  service.signal("SIGTERM");
});

Deno.test("the task's command is taken word by word, with this Deno", () => {
  const command = "deno run --allow-net main.ts";
  const words = [Deno.execPath(), "run", "--allow-net", "main.ts"];
  assertEquals(parseTask({ tasks: { run: command } }, "run"), words);
  assertEquals(parseTask({ tasks: { run: { command } } }, "run"), words);
});

Deno.test("a task that needs a shell, or is missing, is refused", () => {
  for (const command of ["A=1 deno run", 'deno run "a b"', "deno run a && b"]) {
    assertThrows(() => parseTask({ tasks: { run: command } }, "run"), Error);
  }
  assertThrows(() => parseTask({ tasks: {} }, "run"), Error, "undefined");
});
