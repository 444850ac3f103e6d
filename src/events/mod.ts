/** What the rest of the service uses of the events. */
export { Backlog, type BacklogSnapshot } from "./backlog.ts";
export {
  PublisherCloseError,
  PublishError,
  RecordRefusedError,
} from "./errors.ts";
export { FilePublisher } from "./file_publisher.ts";
export {
  kafkaProducerFactory,
  kafkaPublisherOptions,
  type KafkaSasl,
  type KafkaSettings,
  type KafkaTls,
} from "./kafka_config.ts";
export {
  KafkaPublisher,
  type KafkaPublisherOptions,
} from "./kafka_publisher.ts";
export { routeRuntimeWarnings } from "./kafka_warnings.ts";
export type { EventRecord, Publisher, PublisherState } from "./publisher.ts";
export { OutboxRelay } from "./relay.ts";
export type {
  OutboxStore,
  PublishResult,
  RelayDeps,
  RelayObserver,
  RelayOptions,
} from "./relay_ports.ts";
