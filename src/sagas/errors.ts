/** Errors of the saga engine, one class per condition. */

/** Another owner has the saga, or it cannot be claimed (yet): this process leaves it alone. */
export class OwnershipLostError extends Error {
  override readonly name = "OwnershipLostError";

  constructor(sagaId: string, which: string) {
    super(`Cannot write ${sagaId}: ${which}`);
  }
}

/** The run has to end before its lease does: somebody else may own the saga soon. */
export class LeaseEndedError extends Error {
  override readonly name = "LeaseEndedError";

  constructor(sagaId: string, why: string) {
    super(`Cannot go on with ${sagaId}: the lease is over, ${why}`);
  }
}
