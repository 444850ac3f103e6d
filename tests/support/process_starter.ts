/** A Worker that starts one short process after another, and tells of each. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
for (;;) {
  await new Deno.Command("true").output();
  self.postMessage("ended");
}
