/**
 * The table of all environment variables: one row says name, default, rule and
 * meaning. The loader, the documentation and the tests walk over it.
 *
 * Invariant: a default passes its own parser. An empty text counts as not set.
 */
import type { Variable } from "./variable.ts";
import { EDGE_VARIABLES } from "./variables_edge.ts";
import { KAFKA_VARIABLES } from "./variables_kafka.ts";
import { PROVIDER_VARIABLES } from "./variables_providers.ts";
import { STOP_VARIABLES } from "./variables_stop.ts";
import { WORK_VARIABLES } from "./variables_work.ts";

/** All variables, by the key under which the loader keeps their values. */
export const VARIABLES = {
  ...EDGE_VARIABLES,
  ...PROVIDER_VARIABLES,
  ...WORK_VARIABLES,
  ...KAFKA_VARIABLES,
  ...STOP_VARIABLES,
} as const;

/** Key of a variable in the table. */
export type VariableKey = keyof typeof VARIABLES;

/** The parsed value of each variable. */
export type Values = {
  readonly [K in VariableKey]: (typeof VARIABLES)[K] extends Variable<infer T>
    ? T
    : never;
};
