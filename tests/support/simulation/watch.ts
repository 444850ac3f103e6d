/** Looks at each change of the state on the spot: what the verdict could not see any more at the end. */
import type { Saga } from "../../../src/orders/saga.ts";
import type { MemoryState } from "../../../src/storage/memory.ts";
import type { ChangeSet } from "../../../src/storage/store.ts";
import { checkChange, checkHolders, type Holders } from "../saga_verdict.ts";
import type { SimProviders } from "./providers.ts";
import type { Scheduler } from "./scheduler.ts";

export interface WatchedWorld {
  readonly state: MemoryState;
  readonly scheduler: Scheduler;
  readonly providers: SimProviders;
  readonly violations: string[];
  reached(what: string): void;
}

export class Watch {
  readonly #world: WatchedWorld;
  readonly #holders: Holders = new Map();

  constructor(world: WatchedWorld) {
    this.#world = world;
  }

  /** What would be wrong with a change that may be applied. */
  before(change: ChangeSet): string[] {
    const found: string[] = [];
    checkChange(this.#world.state, change, found);
    return found;
  }

  /** @param before the change's saga as it was; @param wrong what `before` has found */
  after(
    change: ChangeSet,
    before: Saga | null,
    wrong: readonly string[],
  ): void {
    const { violations, reached } = this.#world;
    violations.push(...wrong);
    checkHolders(this.#holders, change, violations);
    const update = change.sagaUpdate;
    if (update === undefined || before === null) return;
    const { saga, claim } = update;
    if (saga.fence <= before.fence) {
      violations.push(`${saga.id}: fence ${before.fence} -> ${saga.fence}`);
    }
    const takenOver = before.owner !== null && before.owner !== saga.owner;
    if (claim === undefined || !takenOver) return;
    reached("a saga is taken over");
    this.#takenOver(before);
  }

  /** An owner that lives has stopped what it did for the saga before another one takes it. */
  #takenOver({ id, owner }: Saga): void {
    const { providers, scheduler, violations } = this.#world;
    for (const { place, key } of providers.flights) {
      if (place.name !== owner || !key.startsWith(id)) continue;
      const { next, state } = place;
      // After a pause the owner learns of it only now.
      const awake = state === "running" && place.inside.length === 0 &&
        (next === null || next.at > scheduler.now);
      if (awake) violations.push(`${owner} still calls for ${key}`);
    }
  }
}
