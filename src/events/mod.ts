/** What the rest of the service uses of the events. */
export { FilePublisher } from "./file_publisher.ts";
export {
  kafkaProducerFactory,
  kafkaPublisherOptions,
  type KafkaSettings,
} from "./kafka_config.ts";
export {
  KafkaPublisher,
  type KafkaPublisherOptions,
} from "./kafka_publisher.ts";
export { routeRuntimeWarnings } from "./kafka_warnings.ts";
export type { EventRecord, Publisher } from "./publisher.ts";
export { OutboxRelay } from "./relay.ts";
export type { RelayDeps, RelayObserver } from "./relay_ports.ts";
