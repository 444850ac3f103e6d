/** Errors of the saga engine, one class per condition. */

/** Another owner has the saga, or it cannot be claimed (yet): this process leaves it alone. */
export class OwnershipLostError extends Error {
  override readonly name = "OwnershipLostError";

  constructor(sagaId: string, which: string) {
    super(`Cannot write ${sagaId}: ${which}`);
  }
}
