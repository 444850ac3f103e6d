/** Errors of the Store port, one class per condition. */

/** The change was not written; the same call may succeed later (disk full, busy, closing). */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/** The store is unusable from now on (I/O error, corrupt page): the process must stop. */
export class StoreFatalError extends Error {
  override readonly name = "StoreFatalError";
}

/** The store cannot be opened; the message names the path and what to change. Nothing was modified. */
export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
}

/** The change set contradicts what is stored in a way that no condition covers: a mistake of the caller. Nothing was written. */
export class StoreContradictionError extends Error {
  override readonly name = "StoreContradictionError";
}
