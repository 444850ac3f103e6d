// Signals first, everything else by dynamic import, as an entry point should.
import { denoSignals } from "@oms/lifecycle/signals";

const signals = denoSignals();
Deno.addSignalListener("SIGTERM", () => console.log("seen"));
console.log("listening");
// Stands for a slow import: a signal that comes now has to be kept.
await Deno.stdin.read(new Uint8Array(1));
const life = await import("@oms/lifecycle");
const log: import("@oms/lifecycle").LogFn = (level, msg, fields) =>
  console.log(JSON.stringify({ level, msg, ...fields }));
const lifecycle = life.createLifecycle({ signals, log });
life.installFatalHandlers(lifecycle);
const report = await lifecycle.run(() => {
  lifecycle.ready([]);
  log("info", "ready");
  if (Deno.args[0] === "reject") Promise.reject(new Error("nobody cares"));
});
life.exitWhenIdle(report, { log });
