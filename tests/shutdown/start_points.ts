/** Where a start can be met by a signal: the failpoints before each of its steps, and within some. */

/** In order. */
export const STEPS = [
  "http",
  "store",
  "last-stop",
  "publisher",
  "providers",
  "background",
  "sagas",
  "grpc",
];

/** Inside of a step: the store opened, the tables read. */
const WITHIN = [
  "before-read:lastReport",
  "before-write:saveReport",
  "before-read:outboxStats",
  "before-read:dueSagas",
];

export const START_POINTS = [
  ...STEPS.map((step) => `start:${step}`),
  ...WITHIN,
];

/** There is no store yet that could keep a record. */
export const BEFORE_STORE = ["start:http", "start:store"];
