/** One check of what variables must be to each other, and what the checks share. */
import type { ConfigProblem } from "./errors.ts";
import { belongTogether } from "./pem.ts";
import type { Reading } from "./read.ts";
import { type VariableKey, VARIABLES } from "./variables.ts";

export type Values = Reading["values"];

export interface Check {
  readonly needs: readonly VariableKey[];
  readonly find: (values: Values) => readonly ConfigProblem[];
}

export const nameOf = (key: VariableKey) => VARIABLES[key].name;

export function problem(key: VariableKey, message: string): ConfigProblem {
  return { name: nameOf(key), message };
}

type TextKey = {
  [K in VariableKey]: Values[K] extends string | undefined ? K : never;
}[VariableKey];

/** A certificate comes with its key, and the other way round. */
export function certificateAndKey(
  values: Values,
  certKey: TextKey,
  keyKey: TextKey,
): ConfigProblem[] {
  const cert = values[certKey];
  const key = values[keyKey];
  if ((cert === undefined) !== (key === undefined)) {
    const [missing, present]: [VariableKey, VariableKey] = key === undefined
      ? [keyKey, certKey]
      : [certKey, keyKey];
    return [problem(missing, `is needed because ${nameOf(present)} is set`)];
  }
  if (cert === undefined || key === undefined || belongTogether(cert, key)) {
    return [];
  }
  return [problem(
    keyKey,
    `is not the key of the first certificate in ${nameOf(certKey)}`,
  )];
}
