/**
 * grpc-js's own messages, into our log: it writes them to stderr otherwise, one for each malformed header that a
 * client sends, with the client's text in it.
 *
 * Process-wide, as grpc-js's logger is; to be called once, by the composition root.
 */
import { setLogger } from "@grpc/grpc-js";
import type { LogFn } from "@oms/lifecycle";

export function routeGrpcLog(log: LogFn): void {
  const write = (...parts: unknown[]) =>
    log("debug", "grpc-js", { detail: parts.map(String).join(" ") });
  setLogger({ error: write, info: write, debug: write });
}
