/** From an empty directory to a broker. */
import { Broker } from "./broker.ts";
import { findJars, kafkaVersion } from "./jars.ts";
import { formatStorage, newClusterId, nodeCommand } from "./jvm.ts";
import { freePort } from "../free_port.ts";
import { type Listener, nodeProperties, plainListener } from "./properties.ts";

/** Not for a cluster: its controllers refuse each other until the authorizer has read what they are to agree on. */
const AUTHORIZER = [
  "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "allow.everyone.if.no.acl.found=true",
];

export interface BrokerOptions {
  /** Of Apache Kafka; default: {@link kafkaVersion}. */
  readonly version?: string;
  /** Besides the one without TLS and SASL, which a test's own side uses. */
  readonly listeners?: readonly Listener[];
  /** Lines of server.properties; they win over ours. */
  readonly properties?: readonly string[];
}

/**
 * Starts a broker in a fresh directory. @throws BrokerError,
 * KafkaUnavailableError
 */
export async function startBroker(
  options: BrokerOptions = {},
): Promise<Broker> {
  const dir = await Deno.makeTempDir({ prefix: "oms-kafka-" });
  try {
    const broker = await prepareBroker(dir, options);
    await broker.start();
    return broker;
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

/** Formats an empty directory; nothing runs yet. */
export async function prepareBroker(
  dir: string,
  { version = kafkaVersion(), listeners = [], properties = [] }: BrokerOptions,
): Promise<Broker> {
  const jars = await findJars(version);
  const [port, controllerPort] = [freePort(), freePort()];
  const plain = plainListener(port);
  const config = configOf(dir);
  const ours = nodeProperties({
    id: 1,
    listeners: [plain, ...listeners],
    controllerPort,
    voters: `1@127.0.0.1:${controllerPort}`,
    nodes: 1,
    dataDir: `${dir}/data`,
  });
  await Deno.writeTextFile(
    config,
    [...ours, ...AUTHORIZER, ...properties, ""].join("\n"),
  );
  await formatStorage(jars, config, newClusterId());
  await Deno.writeTextFile(
    `${dir}/broker.json`,
    JSON.stringify({ address: `${plain.host}:${port}`, jars }),
  );
  return openBroker(dir);
}

/** The broker of a prepared directory, running or not. */
export function openBroker(dir: string): Broker {
  const { address, jars } = JSON.parse(
    Deno.readTextFileSync(`${dir}/broker.json`),
  );
  return new Broker(dir, address, nodeCommand(jars, configOf(dir)));
}

function configOf(dir: string): string {
  return `${dir}/server.properties`;
}
