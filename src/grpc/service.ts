/**
 * A service that the edge can serve: method definitions and their handlers.
 *
 * Invariants: decoders never throw; every method of a service has a handler.
 *
 * @module
 */

import type {
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { MethodInfo, UnaryHandler } from "./context.ts";
import { MissingHandlerError } from "./errors.ts";
import {
  type HandlerEnvironment,
  methodInfo,
  safely,
  unary,
} from "./handlers.ts";

/** A service, ready to be given to the edge. */
export interface EdgeService {
  /** Full name, as `oms.v1.OrderService`. */
  readonly name: string;
  readonly methods: readonly MethodInfo[];
  readonly definition: ServiceDefinition;
  /** Makes the handlers; called once, when the edge is built. */
  implement(env: HandlerEnvironment): UntypedServiceImplementation;
}

// deno-lint-ignore no-explicit-any -- the wildcard of grpc-js's own types
type AnyMethod = MethodDefinition<any, any>;

/** One handler for each method of a definition that ts-proto generated. */
export type UnaryHandlers<S extends Readonly<Record<string, AnyMethod>>> = {
  readonly [K in keyof S]: S[K] extends {
    requestDeserialize: (bytes: infer _Bytes) => infer Req;
    responseDeserialize: (bytes: infer _Bytes2) => infer Res;
  } ? UnaryHandler<Req, Res>
    : never;
};

/** The definition with decoders that report instead of throwing. */
function safeDefinition(
  definition: Readonly<Record<string, AnyMethod>>,
): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([key, method]) => [
      key,
      { ...method, requestDeserialize: safely(method.requestDeserialize) },
    ]),
  );
}

/** What is common to all services: names and definitions. */
export function describe(
  definition: Readonly<Record<string, AnyMethod>>,
): Pick<EdgeService, "name" | "methods" | "definition"> {
  const methods = Object.values(definition).map(methodInfo);
  return {
    name: methods[0]?.service ?? "",
    methods,
    definition: safeDefinition(definition),
  };
}

/**
 * A service of unary methods only, as OrderService.
 *
 * @throws MissingHandlerError from `implement`, when a method has no handler.
 */
export function unaryService<S extends Readonly<Record<string, AnyMethod>>>(
  definition: S,
  handlers: UnaryHandlers<S>,
): EdgeService {
  const byKey = new Map<string, UnaryHandler<unknown, unknown>>(
    Object.entries(handlers),
  );
  const implement = (env: HandlerEnvironment) =>
    Object.fromEntries(
      Object.entries(definition).map(([key, method]) => {
        const handler = byKey.get(key);
        if (handler === undefined) throw new MissingHandlerError(method.path);
        return [key, unary(env, methodInfo(method), handler)];
      }),
    );
  return { ...describe(definition), implement };
}
