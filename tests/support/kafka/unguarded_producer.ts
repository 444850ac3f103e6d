/**
 * A defect on purpose: kafkajs as the service uses it, but whatever it calls done is believed. What the service's
 * own producer does besides is in src/events/send_watch.ts.
 */
import { Kafka, logLevel } from "kafkajs";
import type { CreateKafkaProducer } from "../../../src/events/kafka_producer.ts";
import { SocketTracker } from "../../../src/events/kafka_config.ts";

export function unguardedProducers(address: string): CreateKafkaProducer {
  return () => {
    const sockets = new SocketTracker();
    const producer = new Kafka({
      brokers: address.split(","),
      clientId: "unguarded",
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2_000,
      requestTimeout: 4_000,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 2 },
      socketFactory: (args) => sockets.open(args),
    }).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 },
    });
    return {
      connect: () => producer.connect(),
      find: () => Promise.resolve(),
      send: async (topic, messages) => {
        await producer.send({
          topic,
          messages: messages.map((message) => ({
            ...message,
            headers: { ...message.headers },
          })),
          acks: -1,
          timeout: 4_000,
        });
      },
      disconnect: () => producer.disconnect(),
      destroy: () => sockets.destroy(),
    };
  };
}
