/** Kafka's programs, run from its jars. */
import { run } from "../run_program.ts";
import { BrokerError } from "./errors.ts";

/** The command of a node with this configuration. */
export function nodeCommand(jars: string, config: string): string[] {
  return [...jvm(jars), "kafka.Kafka", config];
}

/** Makes the empty data directory of a node a member of the cluster. @throws BrokerError */
export async function formatStorage(
  jars: string,
  config: string,
  clusterId: string,
): Promise<void> {
  const [java = "java", ...args] = jvm(jars);
  const formatted = await run(java, [
    ...[...args, "kafka.tools.StorageTool", "format"],
    ...["-t", clusterId, "-c", config],
  ]);
  if (formatted?.success) return;
  throw new BrokerError(
    `Cannot format the storage of ${config}: ${formatted?.stdout}${formatted?.stderr}`,
  );
}

/** A base64url UUID that does not begin with "-": the tool would take it for an option. */
export function newClusterId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([(bytes[0] ?? 0) & 0x7f]);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function jvm(jars: string): string[] {
  return [
    ...["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"],
    ...["-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"],
    ...["-Djava.net.preferIPv4Stack=true"],
    ...["-Dorg.slf4j.simpleLogger.showDateTime=true"],
    ...["-cp", `${jars}/*`],
  ];
}
