/** Where strace may not trace, the suite is ignored with the reason; with TEST_REQUIRE_STRACE=1 it fails. */
import { whyNoStrace } from "../support/powerloss/strace.ts";

const REQUIRE_STRACE = "TEST_REQUIRE_STRACE";

const missing = await whyNoStrace();
const required = Deno.env.get(REQUIRE_STRACE) === "1";
if (missing !== null && !required) console.log(`skipped: ${missing}`);

/** A test that needs strace. */
export function powerlossTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: missing !== null && !required,
    fn: async () => {
      if (missing !== null) {
        throw new Error(`Cannot lose power: ${missing}`);
      }
      await run();
    },
  });
}
