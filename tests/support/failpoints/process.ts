/**
 * Starts the service with failpoints, and waits for them.
 */
import { serviceCommand } from "../service_command.ts";
import type { LogLine } from "../service_output.ts";
import type { ServiceProcess } from "../service_process.ts";

/** The words that start the service with failpoints. @throws as {@link serviceCommand} */
export function failpointCommand(): string[] {
  return serviceCommand("failpoints");
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
