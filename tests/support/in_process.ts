/** The service in the test's own process, so that sanitizers and seams reach it. */
import { assert, assertEquals } from "@std/assert";
import { type ShutdownReport, systemClock } from "@oms/lifecycle";
import { FakeSignals } from "@oms/lifecycle/testing";
import { runService } from "../../src/app.ts";
import type { Seams } from "../../src/app/seams.ts";
import { PATIENT_STORE } from "./service_process.ts";

export interface Run {
  readonly report: ShutdownReport;
  readonly lines: readonly string[];
}

export interface Addresses {
  readonly grpc: string;
  readonly http: string;
}

/**
 * Runs the service with this environment and stops it after `use`, unless that has done so already. A start that
 * ends before it is ready is not used.
 */
export async function inThisProcess(
  env: Readonly<Record<string, string>>,
  use: (addresses: Addresses, signals: FakeSignals) => Promise<void>,
  seams: Seams | ((signals: FakeSignals) => Seams) = {},
): Promise<Run> {
  const directory = await Deno.makeTempDir({ prefix: "oms_in_process_" });
  const environment = {
    OMS_GRPC_ADDR: "127.0.0.1:0",
    OMS_METRICS_ADDR: "127.0.0.1:0",
    OMS_DATA_DIR: `${directory}/data`,
    LOG_FORMAT: "json",
    ...PATIENT_STORE,
    ...env,
  };
  const before = new Map(
    Object.keys(environment).map((name) => [name, Deno.env.get(name)]),
  );
  const signals = Object.assign(new FakeSignals(systemClock), {
    [Symbol.dispose]: () => {},
  });
  using log = captureStdout();
  let report: ShutdownReport | undefined;
  try {
    for (const [name, value] of Object.entries(environment)) {
      Deno.env.set(name, value);
    }
    const ended = runService(
      signals,
      typeof seams === "function" ? seams(signals) : seams,
      (given) => report = given,
    );
    try {
      const ready = await Promise.race([
        log.line("ready"),
        ended.then(() => null),
      ]);
      if (ready !== null) {
        await use(
          { grpc: String(ready.grpc), http: String(ready.http) },
          signals,
        );
      }
    } finally {
      // Without effect when the stop has begun less than half a second ago.
      if (report === undefined) signals.send("SIGTERM");
      await ended;
    }
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(directory, { recursive: true });
  }
  assert(report !== undefined);
  assertEquals(signals.subscriberCount, 0);
  return { report, lines: log.lines };
}

/** Takes what is written to stdout, line by line, instead of the terminal. */
function captureStdout() {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const { write } = Deno.stdout;
  Deno.stdout.write = (data: Uint8Array) => {
    lines.push(...new TextDecoder().decode(data).split("\n").filter(Boolean));
    for (const look of waiting) look();
    return Promise.resolve(data.length);
  };
  return {
    lines,
    line(msg: string): Promise<Record<string, unknown>> {
      return new Promise((resolve) => {
        const look = () => {
          const found = lines.map((line) => JSON.parse(line))
            .find((line) => line.msg === msg);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    [Symbol.dispose]() {
      Deno.stdout.write = write;
    },
  };
}
