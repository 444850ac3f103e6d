/** The hard tree: one abort at its root reaches gRPC, HTTP and the sagas. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { SAME_SIGNAL_MS, StopError, systemClock } from "@oms/lifecycle";
import type { Providers } from "../../src/providers/mod.ts";
import type { Store } from "../../src/storage/store.ts";
import { loneClient } from "../support/lone_client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import { inThisProcess } from "../support/in_process.ts";

/** Something that begins and then never ends by itself. */
class Hanging {
  readonly #begun = Promise.withResolvers<void>();
  readonly #never = Promise.withResolvers<never>();

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  readonly hang = (): Promise<never> => {
    this.#begun.resolve();
    return this.#never.promise;
  };
}

/** The store with a timeline and saga numbers that are never answered: GetOrder and /metrics hang. */
function hangingReads(
  timeline: Hanging,
  stats: Hanging,
  opened: (store: Store) => void,
) {
  return (store: Store): Store => {
    opened(store);
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "timeline") return timeline.hang;
        if (name === "sagaStats") return stats.hang;
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
}

/** Providers whose reservation waits for its signal, and keeps the reason. */
function waitingReserve(begun: () => void, aborted: (why: unknown) => void) {
  return (providers: Providers): Providers => ({
    ...providers,
    inventory: {
      ...providers.inventory,
      reserve: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted(signal.reason);
            reject(signal.reason);
          }, { once: true });
          begun();
        }),
    },
    close: () => providers.close(),
  });
}

Deno.test("F03 aborting the root reaches an open gRPC call, an HTTP request and a saga", async () => {
  const timeline = new Hanging();
  const stats = new Hanging();
  const reserving = Promise.withResolvers<void>();
  const sagaAbort = Promise.withResolvers<unknown>();
  // A forced stop leaves the store open on purpose: the process ends. This one does not.
  await using held = new AsyncDisposableStack();
  let call: unknown;
  let answer: unknown;
  const { report } = await inThisProcess(
    {},
    async ({ grpc, http }, signals) => {
      using client = loneClient(grpc);
      const { order } = await client.createOrder({
        customerId: "customer-1",
        currency: "EUR",
        items: [{
          sku: "sku-1",
          qty: 1,
          price: { currency: "EUR", amountMinor: 500n },
        }],
      }, { idempotencyKey: "create" });
      const orderId = order?.id ?? "";
      await client.payOrder({ orderId }, { idempotencyKey: "pay" });
      const calling = client.getOrder({ orderId }).catch((error) =>
        call = error
      );
      const requesting = fetch(`http://${http}/metrics`)
        .then(async (got) => answer = [got.status, await got.text()]);
      await Promise.all([reserving.promise, timeline.begun, stats.begun]);

      const now = systemClock.now();
      signals.sendAt("SIGTERM", now);
      signals.sendAt("SIGTERM", now + SAME_SIGNAL_MS + 1);
      await Promise.all([calling, requesting, sagaAbort.promise]);
    },
    {
      store: hangingReads(
        timeline,
        stats,
        (store) => held.defer(() => store.close()),
      ),
      providers: waitingReserve(reserving.resolve, sagaAbort.resolve),
    },
  );

  assertInstanceOf(call, RpcError);
  assertEquals(call.code, status.UNAVAILABLE);
  assertEquals(answer, [503, "stopping\n"]);
  const reason = await sagaAbort.promise;
  assertInstanceOf(reason, StopError);
  assertEquals(reason.name, "AbortError");
  assertEquals([report.outcome, report.exitCode], ["forced", 143]);
  assertEquals(
    report.leftover.map(({ name }) => name.replace(/ord_.*/, "ord")).sort(),
    [
      "grpc/oms.v1.OrderService/GetOrder",
      "loops/clock",
      "loops/maintenance",
      "loops/relay",
      "sagas/pay/ord",
    ],
  );
});
