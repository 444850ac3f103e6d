import { assertEquals } from "@std/assert";
import process from "node:process";
import { routeRuntimeWarnings } from "../../../src/events/kafka_warnings.ts";

Deno.test("the client's timer warning is a debug line, any other a warning, and disposing brings the default back", () => {
  const before = process.listeners("warning");
  const lines: unknown[] = [];
  {
    using _ = routeRuntimeWarnings((level, _message, fields) =>
      void lines.push([level, fields?.name])
    );
    for (const name of ["TimeoutNegativeWarning", "DeprecationWarning"]) {
      process.emit("warning", Object.assign(new Error("x"), { name }));
    }
  }
  assertEquals(lines, [
    ["debug", "TimeoutNegativeWarning"],
    ["warn", "DeprecationWarning"],
  ]);
  assertEquals(process.listeners("warning"), before);
});
