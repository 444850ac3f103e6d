/**
 * Failpoints at the service's ports.
 *
 * Points:
 * - `first-line`; `start:<step>` before each start step
 * - `before-commit:<label>`, `after-commit:<label>`, with the labels of labels.ts
 * - `before-call:<step>`, `after-call:<step>` around each provider call
 * - `before-read:<method>` before each of the store's reads, `before-write:markSent|purge|saveReport`
 * - `publish:before`, `publish:after-ack`, `publisher:close`, `publisher:closed`
 * - `store:close`, `providers:close`
 * - `stopped` when the stop is over and the process only waits for what is left to end
 *
 * A commit has a general label (`mark-charge`) and one with its saga's kind (`pay/mark-charge`).
 */
import type { Seams } from "../../../src/app/seams.ts";
import type { Publisher } from "../../../src/events/mod.ts";
import type { Providers } from "../../../src/providers/mod.ts";
import type {
  ProviderCall,
  ProviderResult,
} from "../../../src/providers/provider.ts";
import type { Store } from "../../../src/storage/store.ts";
import type { Failpoints } from "./failpoints.ts";
import { commitLabels } from "./labels.ts";

export function failpointSeams(points: Failpoints): Seams {
  return {
    beforeStart: (step) => points.hit(`start:${step.replaceAll(" ", "-")}`),
    store: (store) => failingStore(store, points),
    providers: (providers) => failingProviders(providers, points),
    publisher: (publisher) => failingPublisher(publisher, points),
  };
}

function failingStore(store: Store, points: Failpoints): Store {
  const after =
    <A extends unknown[], R>(point: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await points.hit(point);
      return await call.apply(store, args);
    };
  return {
    driver: store.driver,
    leases: store.leases,
    generation: store.generation,
    restored: store.restored,
    async commit(change, options) {
      const labels = commitLabels(change);
      await points.hit(...labels.map((label) => `before-commit:${label}`));
      const result = await store.commit(change, options);
      await points.hit(...labels.map((label) => `after-commit:${label}`));
      return result;
    },
    order: after("before-read:order", store.order),
    timeline: after("before-read:timeline", store.timeline),
    list: after("before-read:list", store.list),
    answer: after("before-read:answer", store.answer),
    saga: after("before-read:saga", store.saga),
    dueSagas: after("before-read:dueSagas", store.dueSagas),
    nextDueAt: after("before-read:nextDueAt", store.nextDueAt),
    nextSaga: after("before-read:nextSaga", store.nextSaga),
    sagaStats: after("before-read:sagaStats", store.sagaStats),
    outbox: after("before-read:outbox", store.outbox),
    outboxStats: after("before-read:outboxStats", store.outboxStats),
    lastReport: after("before-read:lastReport", store.lastReport),
    unknownSagas: after("before-read:unknownSagas", store.unknownSagas),
    newestAt: after("before-read:newestAt", store.newestAt),
    ping: after("before-read:ping", store.ping),
    markSent: after("before-write:markSent", store.markSent),
    purge: after("before-write:purge", store.purge),
    saveReport: after("before-write:saveReport", store.saveReport),
    close: after("store:close", store.close),
  };
}

function failingProviders(providers: Providers, points: Failpoints): Providers {
  const { payment, inventory } = providers;
  const around = (
    step: string,
    call: (call: ProviderCall) => Promise<ProviderResult>,
  ) =>
  async (request: ProviderCall) => {
    await points.hit(`before-call:${step}`);
    const result = await call(request);
    await points.hit(`after-call:${step}`);
    return result;
  };
  return {
    payment: {
      charge: around("charge", (call) => payment.charge(call)),
      refund: around("refund", (call) => payment.refund(call)),
    },
    inventory: {
      reserve: around("reserve", (call) => inventory.reserve(call)),
      release: around("release", (call) => inventory.release(call)),
    },
    async close() {
      await points.hit("providers:close");
      await providers.close();
    },
  };
}

function failingPublisher(
  publisher: Publisher,
  points: Failpoints,
): Publisher {
  return {
    kind: publisher.kind,
    get state() {
      return publisher.state;
    },
    get lastError() {
      return publisher.lastError;
    },
    async publish(records, signal) {
      await points.hit("publish:before");
      await publisher.publish(records, signal);
      await points.hit("publish:after-ack");
    },
    ...(publisher.warmUp === undefined ? {} : {
      warmUp: async (topic, signal) => await publisher.warmUp?.(topic, signal),
    }),
    async close() {
      await points.hit("publisher:close");
      await publisher.close();
      await points.hit("publisher:closed");
    },
  };
}
