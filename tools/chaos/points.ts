/**
 * Failpoints that chaos ends the service at (tests/support/failpoints/seams.ts
 * says where they are).
 *
 * Not promised: that a point is passed in a round. The report counts those that
 * were not, and the round then ends without it.
 */

const COMMITS = [
  "create",
  "accept-pay",
  "accept-cancel",
  "accept-refund",
  "mark-reserve",
  "did-reserve",
  "did-charge",
  "mark-refund",
  "did-refund",
  "mark-release",
  "end",
];
const CALLS = ["reserve", "charge", "refund", "release"];

/** Passed many times while the service is at work. */
export const WORK_POINTS: readonly [string, ...string[]] = [
  "publish:before",
  "publish:after-ack",
  "before-write:markSent",
  ...["before", "after"].flatMap((side) => [
    ...COMMITS.map((label) => `${side}-commit:${label}`),
    ...CALLS.map((step) => `${side}-call:${step}`),
  ]),
];

/** Passed once by each stop, in its later phases. */
export const STOP_POINTS: readonly [string, ...string[]] = [
  "publisher:close",
  "publisher:closed",
  "providers:close",
  "store:close",
];

/** Passed once by each start, in this order. */
export const START_POINTS: readonly [string, ...string[]] = [
  "first-line",
  "start:http",
  "start:store",
  "start:last-stop",
  "start:publisher",
  "start:providers",
  "start:background",
  "start:sagas",
  "start:grpc",
];
