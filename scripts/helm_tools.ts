/**
 * Fetches what `deno task helm:test` runs, into the user's cache.
 *
 * On a machine that lacks go, python3 or apt-get it says `skipped: …` and ends
 * well, so that the suite can skip too; with TEST_REQUIRE_HELM=1 it fails.
 */
import {
  fetchTools,
  ToolUnavailableError,
} from "../tests/support/helm/fetch.ts";
import { REQUIRE_HELM } from "../tests/support/helm/toolchain.ts";

try {
  await fetchTools((line) => console.log(line));
} catch (error) {
  if (!(error instanceof ToolUnavailableError)) throw error;
  console.log(`skipped: ${error.message}`);
  if (Deno.env.get(REQUIRE_HELM) === "1") Deno.exitCode = 1;
}
