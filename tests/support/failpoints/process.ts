/**
 * Starts the service with failpoints: the command of the shipped entry point
 * with the test entry point in its place.
 */
import {
  type LogLine,
  serviceCommand,
  type ServiceProcess,
} from "../service_process.ts";

const ENTRY = "tests/support/failpoints/main.ts";

/**
 * The words that start the service with failpoints: OMS_TEST_FAILPOINT_BINARY
 * when it is set, else the task `run` with the other entry point, and with run
 * permission to kill itself.
 *
 * @throws Error when that task does not run main.ts
 */
export function failpointCommand(): string[] {
  const binary = Deno.env.get("OMS_TEST_FAILPOINT_BINARY");
  if (binary !== undefined && binary !== "") return [binary];
  const words = serviceCommand();
  if (words.at(-1) !== "main.ts") {
    throw new Error(
      `Cannot start with failpoints: the service's command does not end with main.ts (received ${
        words.join(" ")
      })`,
    );
  }
  return [...words.slice(0, -1), "--allow-run", ENTRY];
}

/** The n-th passage of a point whose plan says `print`. */
export function passed(
  service: ServiceProcess,
  point: string,
  passage = 1,
): Promise<LogLine> {
  return service.waitForLog((line) =>
    line.msg === "failpoint" && line.point === point &&
    line.passage === passage
  );
}
