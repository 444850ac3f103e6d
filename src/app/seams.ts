/**
 * Where a test entry point may stand between the service and its ports. The shipped entry point passes none, and
 * nothing in the product looks at what is passed.
 */
import type { Publisher } from "../events/mod.ts";
import type { Providers } from "../providers/mod.ts";
import type { Store } from "../storage/store.ts";

export interface Seams {
  readonly store?: (store: Store) => Store;
  readonly providers?: (providers: Providers) => Providers;
  readonly publisher?: (publisher: Publisher) => Publisher;
  /** Called before each start step, by its name; awaited. */
  readonly beforeStart?: (step: string) => Promise<void> | void;
}
