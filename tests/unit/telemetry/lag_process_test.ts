/** The lag's timer, in a process of its own. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

const FIXTURE = new URL("./fixtures/lag_only.ts", import.meta.url);
const ENDS_WITHIN_MS = 10_000;

Deno.test("the timer of the loop's lag keeps no process alive", async () => {
  const { code, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-env", fileURLToPath(FIXTURE)],
    signal: AbortSignal.timeout(ENDS_WITHIN_MS),
  }).output();
  assertEquals([code, signal], [0, null]);
});
