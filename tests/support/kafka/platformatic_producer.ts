/**
 * Another client library behind the channel's port, for comparison only
 * (docs/decisions.md): the suites run against it with
 * TEST_KAFKA_CLIENT=platformatic and `--no-lock`.
 *
 * It is fetched when it is asked for, so it is in no lock file and nothing that
 * is shipped or checked depends on it. What we call of it is declared here.
 */
import type {
  CreateKafkaProducer,
  KafkaMessage,
} from "../../../src/events/kafka_producer.ts";
import type { KafkaSide } from "./kafka_side.ts";

/** Not a literal in the import below: that would put it into the module graph. */
const SPECIFIER: string = "npm:@platformatic/kafka@2.12.0";

interface Library {
  readonly Producer: new (options: Readonly<Record<string, unknown>>) => {
    connectToBrokers(): Promise<unknown>;
    send(options: {
      readonly messages: readonly (KafkaMessage & { readonly topic: string })[];
      readonly acks: number;
    }): Promise<unknown>;
    close(force?: boolean): Promise<void>;
  };
  readonly stringSerializers: unknown;
}

/** An error of the library that carries the protocol errors it stands for. */
interface Findable {
  findBy(property: string, value: unknown): unknown;
}

const REFUSED = [
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
];

/** As the service's own factory: a fresh producer with its connections at each call. */
export async function platformaticProducers(
  kafka: KafkaSide,
): Promise<CreateKafkaProducer> {
  const { Producer, stringSerializers }: Library = await import(SPECIFIER);
  return () => {
    const producer = new Producer({
      clientId: "oms",
      bootstrapBrokers: kafka.address.split(","),
      serializers: stringSerializers,
      idempotent: true,
      connectTimeout: 2_000,
      timeout: 4_000,
      retries: 3,
      retryDelay: 100,
    });
    return {
      connect: async () => {
        await producer.connectToBrokers();
      },
      // Not compared: a missing topic shows with the first send.
      find: () => Promise.resolve(),
      send: async (topic, messages) => {
        try {
          await producer.send({
            messages: messages.map((message) => ({ ...message, topic })),
            acks: -1,
          });
        } catch (error) {
          throw named(error);
        }
      },
      disconnect: () => producer.close(true),
      destroy: () => {
        producer.close(true).catch(() => {});
      },
    };
  };
}

/** With all that it stands for in the message, and the protocol error where our code looks for it. */
function named(error: unknown): unknown {
  if (!isFindable(error)) return error;
  const type = REFUSED.find((id) => error.findBy("apiId", id));
  const explained = new Error(`${type ?? ""} ${messages(error)}`);
  return type === undefined ? explained : Object.assign(explained, { type });
}

function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error.message, ...inner.map(messages)].join(": ");
}

function isFindable(error: unknown): error is Error & Findable {
  return error instanceof Error && "findBy" in error;
}
