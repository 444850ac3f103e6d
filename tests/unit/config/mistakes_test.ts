import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ConfigError } from "../../../src/config.ts";
import { configOf, type Env, load, problemsOf, rows } from "./fixtures.ts";

Deno.test("F60 an invalid value of each variable is refused by its name", async (t) => {
  for (const { name, badExample } of rows) {
    if (badExample === undefined) continue;
    await t.step(name, () => {
      const problems = problemsOf({ [name]: badExample });
      assertEquals(Object.keys(problems), [name]);
      assertMatch(problems[name] ?? "", /\w{3}/);
    });
  }
});

Deno.test("F60 each default can be written out, with the same result", () => {
  const env: Env = {};
  for (const { name, fallback } of rows) {
    if (fallback !== undefined) env[name] = fallback;
  }
  assertEquals(configOf(env), configOf({}));
});

Deno.test("F60 two mistakes at once are both named, whatever their kind", () => {
  const error = assertThrows(
    () =>
      load({
        OMS_SAGA_LEASE: "soon",
        LOG_LEVEL: "loud",
        OMS_STORAGE_DRIVER: "memory",
        KAFKA_SASL_MECHANISM: "plain",
        OMS_GRCP_ADDR: ":1",
      }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ name }) => name), [
    "LOG_LEVEL",
    "OMS_SAGA_LEASE",
    "OMS_STORAGE_DRIVER",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
  ]);
  for (const { name, message } of error.problems) {
    assertStringIncludes(error.message, `${name}: ${message}`);
  }
  assertEquals(error.warnings[0]?.name, "OMS_GRCP_ADDR");
});

Deno.test("F60 a message says what was wrong and what to write", () => {
  const { OMS_LAME_DUCK, OMS_SAGA_LEASE } = problemsOf({
    OMS_LAME_DUCK: "5 seconds",
    OMS_SAGA_LEASE: "1ms",
  });
  assertEquals(
    OMS_LAME_DUCK,
    '"5 seconds" is not a duration: write it like 250ms, 5s or 1m30s',
  );
  assertEquals(OMS_SAGA_LEASE, '"1ms" is out of range: choose 1s to 1h');
});

Deno.test("F60 budgets that do not fit into the grace are refused with their sum", () => {
  const problems = problemsOf({
    OMS_LAME_DUCK: "5s",
    OMS_SAGA_DRAIN_TIMEOUT: "15s",
  });
  assertEquals(Object.keys(problems), ["OMS_TERMINATION_GRACE"]);
  const message = problems.OMS_TERMINATION_GRACE ?? "";
  // 5 + 5 + 15 + 3 + 2 + 2 + 1 + slack 2
  assertStringIncludes(message, "35s");
  assertStringIncludes(message, "OMS_SAGA_DRAIN_TIMEOUT 15s");
  assertStringIncludes(message, "30s is too short");
});

Deno.test("F60 budgets that just fit are taken, one millisecond more is not", () => {
  // The defaults without lame duck: 18 s, and 2 s of slack.
  configOf({ OMS_TERMINATION_GRACE: "20s" });
  problemsOf({ OMS_TERMINATION_GRACE: "19.999s" });
});

Deno.test("F60 a budget that cannot be read is not blamed on the grace too", () => {
  assertEquals(
    Object.keys(
      problemsOf({ OMS_LAME_DUCK: "x", OMS_TERMINATION_GRACE: "1s" }),
    ),
    ["OMS_LAME_DUCK"],
  );
});

Deno.test("a longest back-off below the first is refused", () => {
  assertEquals(
    Object.keys(problemsOf({ OMS_SAGA_RETRY_BASE: "1m" })),
    ["OMS_SAGA_RETRY_MAX"],
  );
});

Deno.test("a ConfigError is an Error that prints every mistake", () => {
  const error = assertThrows(() => load({ LOG_LEVEL: "x" }));
  assertInstanceOf(error, ConfigError);
  assertEquals(
    error.message,
    'Cannot use the environment (1 to correct):\n  LOG_LEVEL: "x" is none of debug, info, warn, error',
  );
});
