/**
 * Providers behind a wire, over one ledger that outlives every process. A request arrives sometime, even after its
 * sender has died; what it does then is drawn, and so is when, and whether, the caller hears of it.
 *
 * Not promised: that a reserve which is declined when it comes again had no effect before; a decline of what undoes another step more than rarely; it parks the saga.
 */
import type { ExternalStep } from "../../../src/orders/saga.ts";
import type {
  ProviderCall,
  ProviderResult,
  Providers,
} from "../../../src/providers/provider.ts";
import { type KeyedRequest, ProviderLedger } from "../provider_ledger.ts";
import type { SimClock } from "./clock.ts";
import type { Place, Scheduler } from "./scheduler.ts";

/** After this the adapter takes the answer for unknown, ms; longer than a lease, so that renewals matter. */
const TIMEOUT_MS = 4_000;

/** How long a forgetful provider keeps keys, ms. */
export const KEPT_MS = 60_000;

/** What one request does. */
export type Behaviour =
  | "done"
  | "declined"
  /** Lost on the way. */
  | "unknown_before"
  /** Its answer is lost. */
  | "unknown_after"
  /** Answered as unknown; takes effect later. */
  | "unknown_late"
  | "misconfigured"
  | "slow"
  /** Never answered. */
  | "hang_before"
  | "hang_after";

export type Temper = Readonly<Record<Behaviour, number>>;

export const CALM: Temper = {
  done: 1,
  declined: 0,
  unknown_before: 0,
  unknown_after: 0,
  unknown_late: 0,
  misconfigured: 0,
  slow: 0,
  hang_before: 0,
  hang_after: 0,
};

/** A call that its caller still waits for. */
export interface Flight {
  readonly place: Place;
  readonly key: string;
}

const UNKNOWN: ProviderResult = { kind: "unknown", cause: "simulated" };

export class SimProviders extends ProviderLedger {
  readonly flights = new Set<Flight>();
  /** Effects that happened twice, because the key was sent again when it had been forgotten. */
  readonly doubles: string[] = [];
  readonly #doneAt = new Map<string, number>();
  readonly #scheduler: Scheduler;
  readonly #temper: () => Temper;
  readonly #reached: (what: string) => void;
  readonly #keptMs: number;

  constructor(
    scheduler: Scheduler,
    temper: () => Temper,
    reached: (what: string) => void,
    forgetful: boolean,
  ) {
    super();
    this.#keptMs = forgetful ? KEPT_MS : Infinity;
    this.#scheduler = scheduler;
    this.#temper = temper;
    this.#reached = reached;
  }

  /** As one process sees them. */
  from(place: Place, clock: SimClock): Providers {
    const by = (step: ExternalStep) => (call: ProviderCall) =>
      this.#call(place, clock, step, call);
    return {
      payment: { charge: by("charge"), refund: by("refund") },
      inventory: { reserve: by("reserve"), release: by("release") },
      close: () => Promise.resolve(),
    };
  }

  async #call(
    place: Place,
    clock: SimClock,
    step: ExternalStep,
    { idempotencyKey: key, body, signal }: ProviderCall,
  ): Promise<ProviderResult> {
    signal.throwIfAborted();
    const flight: Flight = { place, key };
    this.flights.add(flight);
    const answered = Promise.withResolvers<ProviderResult>();
    // Some adapters hear of an abort and cannot stop.
    const deaf = this.#scheduler.random.chance(0.1);
    const onAbort = () => {
      this.#reached(`a call ends by ${signal.reason?.name}`);
      this.flights.delete(flight);
      if (!deaf) answered.reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const timeout = clock.after(TIMEOUT_MS, () => answered.resolve(UNKNOWN));
    const answer = (result: ProviderResult) =>
      this.#scheduler.deliver(
        place,
        `${step} is ${result.kind}`,
        () => answered.resolve(result),
      );
    this.#expectKept(key);
    this.#scheduler.send(
      place,
      "provider",
      `${step} reaches its provider`,
      () => this.#arrived({ step, key, body }, answer),
    );
    try {
      return await answered.promise;
    } finally {
      timeout.cancel();
      signal.removeEventListener("abort", onAbort);
      this.flights.delete(flight);
    }
  }

  protected override settle(
    request: KeyedRequest,
    decline: string | null,
  ): ReturnType<ProviderLedger["settle"]> {
    const result = super.settle(request, decline);
    if (result.kind === "done" && !this.#doneAt.has(request.key)) {
      this.#doneAt.set(request.key, this.#scheduler.now);
    }
    return result;
  }

  /** What is sent in time and arrives late is no fault of the sender. */
  #expectKept(key: string): void {
    const doneAt = this.#doneAt.get(key) ?? Infinity;
    if (this.#scheduler.now - doneAt <= this.#keptMs) return;
    this.doubles.push(`${key} takes effect twice`);
  }

  #arrived(
    request: KeyedRequest,
    answer: (result: ProviderResult) => void,
  ): void {
    this.note(request);
    const { random } = this.#scheduler;
    const behaviour = random.weighted(this.#temper());
    this.#scheduler.note(`  ${request.key} ${behaviour}`);
    this.#reached(`a provider's ${behaviour}`);
    switch (behaviour) {
      case "done":
        return answer(this.settle(request, null));
      case "declined": {
        if (this.#denies(request)) {
          this.#reached("a provider's decline of what took effect");
          return answer({ kind: "declined", reason: "simulated" });
        }
        const undoes = request.step === "release" || request.step === "refund";
        const decline = !undoes || random.chance(0.4);
        return answer(this.settle(request, decline ? "simulated" : null));
      }
      case "unknown_before":
        return answer(UNKNOWN);
      case "unknown_after":
        this.settle(request, null);
        return answer(UNKNOWN);
      case "unknown_late":
        this.#later(request);
        return answer(UNKNOWN);
      case "misconfigured":
        return answer({ kind: "misconfigured", cause: "simulated" });
      case "slow": {
        const result = this.settle(request, null);
        const ms = random.int(1, 1.5 * TIMEOUT_MS);
        this.#scheduler.after(
          this.#scheduler.world,
          ms,
          "a slow answer leaves",
          () => answer(result),
        );
        return;
      }
      case "hang_before":
        return;
      case "hang_after":
        this.settle(request, null);
        return;
    }
  }

  /**
   * "In progress" that reads like a decline: the first call of a reserve goes on, and takes effect. Not drawn, so that
   * the seeds of regressions.ts still mean what they meant.
   */
  #denies({ step, key }: KeyedRequest): boolean {
    return step === "reserve" &&
      this.ledger.get(key)?.result.kind === "done" &&
      this.#scheduler.steps % 2 === 0;
  }

  /** The effect of a request that is still on its way inside the provider. */
  #later(request: KeyedRequest): void {
    const { world } = this.#scheduler;
    this.#scheduler.send(world, "provider", `late ${request.step}`, () => {
      this.settle(request, null);
    });
  }
}
