/** What /healthz looks at. Only the store is critical: without it nothing can be acknowledged. */
import type { OutboxRelay, Publisher } from "../events/mod.ts";
import type { HealthCheck } from "../http/health.ts";
import type { Store } from "../storage/store.ts";

export function healthChecks(
  store: Store,
  publisher: Publisher,
  relay: OutboxRelay,
  maxPending: number,
): HealthCheck[] {
  return [
    {
      name: "store",
      critical: true,
      run: async () => {
        await store.ping();
        return `${store.driver} reads and writes`;
      },
    },
    {
      name: "publisher",
      critical: false,
      run: () => {
        if (publisher.state !== "down") {
          return `${publisher.kind} is ${
            publisher.state === "up" ? "up" : "not tried yet"
          }`;
        }
        throw new Error(
          `${publisher.kind} is down: ${
            publisher.lastError ?? "no answer"
          }; events wait in the outbox`,
        );
      },
    },
    {
      name: "outbox",
      critical: false,
      run: () => {
        const { pending } = relay.backlog();
        if (!relay.limit.isOverLimit()) return `${pending} events wait`;
        throw new Error(
          `${pending} events wait, the limit is ${maxPending} (OMS_OUTBOX_MAX_PENDING): mutating calls are refused`,
        );
      },
    },
  ];
}
