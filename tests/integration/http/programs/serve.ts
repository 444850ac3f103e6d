/** Serves HTTP until its stdin ends: says its port, then each line that it logs. */
import { HttpServer } from "../../../../src/http/server.ts";
import { type Logger, silentLogger } from "../../../../src/telemetry/logger.ts";

const say = (line: unknown) => console.log(JSON.stringify(line));
const log: Logger = {
  ...silentLogger,
  warn: (msg, fields) => say({ msg, ...fields }),
  error: (msg, fields) => say({ msg, ...fields }),
  child: () => log,
};
const server = new HttpServer({
  metrics: () => Promise.resolve(""),
  health: () => Promise.reject(new Error("not asked")),
  state: () => "Ready",
  log,
});
say(server.start("127.0.0.1", 0));
for await (const _ of Deno.stdin.readable);
await server.stop();
