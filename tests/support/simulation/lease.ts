/** ms for which a process of a simulation owns a saga; short, so that a pause beyond it is not a long history. */
export const LEASE_MS = 3_000;
