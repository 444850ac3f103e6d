/** The definitions that this build knows, by kind and version. */
import type { Saga, SagaKind } from "../orders/saga.ts";
import { cancel } from "./cancel.ts";
import type { SagaDefinition } from "./definition.ts";
import { pay } from "./pay.ts";
import { refund } from "./refund.ts";

const KNOWN: readonly SagaDefinition[] = [pay, cancel, refund];

/** Definition versions by kind: sagas of other versions are left to the processes that know them. */
export const KNOWN_VERSIONS: Readonly<Record<SagaKind, readonly number[]>> = {
  pay: versionsOf("pay"),
  cancel: versionsOf("cancel"),
  refund: versionsOf("refund"),
};

/** Null when this build does not know the saga's definition version. */
export function definitionOf(saga: Saga): SagaDefinition | null {
  return KNOWN.find((definition) =>
    definition.kind === saga.kind &&
    definition.version === saga.definitionVersion
  ) ?? null;
}

function versionsOf(kind: SagaKind): number[] {
  return KNOWN.filter((definition) => definition.kind === kind)
    .map((definition) => definition.version);
}
