import {
  assertArrayIncludes,
  assertEquals,
  assertFalse,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ConfigError, Secret } from "../../../src/config.ts";
import { type Env, KAFKA, load, NO_FILES, problemsOf } from "./fixtures.ts";

Deno.test("any secret may come from a file, its last line feed is dropped", () => {
  const files: Env = { "/s/user": "u\n", "/s/password": "p\r\n" };
  const loaded = load({
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME_FILE: "/s/user",
    KAFKA_SASL_PASSWORD_FILE: "/s/password",
  }, { readFile: (path) => files[path] ?? NO_FILES(path) });
  const sasl = loaded.config.events.kafka?.sasl;
  assertEquals(sasl?.username.reveal(), "u");
  assertEquals(sasl?.password.reveal(), "p");
  assertArrayIncludes(loaded.entries, [
    { name: "KAFKA_SASL_PASSWORD", value: "***", source: "file" },
  ]);
});

Deno.test("a secret set twice, an unreadable or an empty file are mistakes", () => {
  const env = { OMS_POSTGRES_DSN_FILE: "/s/dsn" };
  assertStringIncludes(
    problemsOf({ ...env, OMS_POSTGRES_DSN: "postgres://db" })
      .OMS_POSTGRES_DSN ?? "",
    "together with OMS_POSTGRES_DSN_FILE",
  );
  assertStringIncludes(
    problemsOf(env).OMS_POSTGRES_DSN_FILE ?? "",
    "cannot be read (NotFound)",
  );
  assertStringIncludes(
    problemsOf(env, { readFile: () => "\n" }).OMS_POSTGRES_DSN_FILE ?? "",
    "empty",
  );
});

Deno.test("only secrets have a FILE name", () => {
  assertEquals(
    load({ OMS_DATA_DIR_FILE: "/x" }).warnings.map(({ name }) => name),
    ["OMS_DATA_DIR_FILE"],
  );
});

Deno.test("no secret shows in the config, its entries or its mistakes", () => {
  const env = {
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "hunter1",
    KAFKA_SASL_PASSWORD: "hunter2",
    OMS_POSTGRES_DSN: "postgres://u:hunter3@db/oms",
  };
  const loaded = load(env);
  const shown = [
    JSON.stringify(loaded),
    Deno.inspect(loaded, { depth: Infinity }),
    `${loaded.config.events.kafka?.sasl?.password}`,
  ].join();
  assertFalse(/hunter/.test(shown), shown);
  const { message } = assertThrows(
    () => load({ ...env, OMS_POSTGRES_DSN: "hunter4", LOG_LEVEL: "x" }),
    ConfigError,
  );
  assertFalse(/hunter/.test(message), message);
});

Deno.test("a secret is revealed only on demand", () => {
  const secret = new Secret("s");
  assertEquals(
    [`${secret}`, JSON.stringify({ secret }), Deno.inspect(secret)],
    [
      "***",
      '{"secret":"***"}',
      "***",
    ],
  );
  assertEquals(secret.reveal(), "s");
});
