/** What the service has let others know, each at the position of the trace from which on somebody may know it. */

/** An answer to a mutating call. */
export interface Acknowledged {
  /** The call's idempotency key. */
  readonly key: string;
  readonly at: number;
  /** Its protobuf. */
  readonly message: Uint8Array;
}

/** A call of a provider. */
export interface Requested {
  readonly sagaId: string;
  readonly step: string;
  readonly at: number;
}
