/**
 * kafkajs sets a timer to a negative delay for every connection that is not throttled. The runtime prints a
 * TimeoutNegativeWarning on stderr for the first one: harmless, and no line of our log.
 */
import type { LogFn } from "@oms/lifecycle";
import process from "node:process";

/**
 * Sends the runtime's warnings to `log` in place of stderr: that one as debug, all others as warn. It concerns
 * the whole process, so the composition root calls it, once. Disposing brings the runtime's own output back.
 */
export function routeRuntimeWarnings(log: LogFn): Disposable {
  const originals = process.listeners("warning");
  process.removeAllListeners("warning");
  const listener = (warning: Error) =>
    log(
      warning.name === "TimeoutNegativeWarning" ? "debug" : "warn",
      "runtime warning",
      { name: warning.name, message: warning.message },
    );
  process.on("warning", listener);
  return {
    [Symbol.dispose]: () => {
      process.removeListener("warning", listener);
      for (const original of originals) process.on("warning", original);
    },
  };
}
