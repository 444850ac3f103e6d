import { assert, assertEquals } from "@std/assert";
import { Metadata, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { RpcError } from "../../../src/grpc/errors.ts";
import { own } from "../../../src/grpc/own_errors.ts";
import {
  fromServiceError,
  STATUS_DETAILS,
  toServiceError,
  toStatus,
} from "../../../src/grpc/status.ts";

const refusal = (init: Partial<ConstructorParameters<typeof RpcError>[0]>) =>
  new RpcError({
    code: status.INVALID_ARGUMENT,
    reason: "VALIDATION",
    message: "no",
    ...init,
  });

Deno.test("an RpcError survives the wire", () => {
  const sent = refusal({
    code: status.UNAVAILABLE,
    reason: "STORE_UNAVAILABLE",
    message: "later",
    retryAfterMs: 61_250,
    violations: [{ field: "a", description: "b", reason: "C" }],
    metadata: { k: "v" },
  });
  const got = fromServiceError(toServiceError(sent));
  assertEquals(
    [got.code, got.reason, got.message, got.retryAfterMs, got.metadata],
    [sent.code, sent.reason, sent.message, sent.retryAfterMs, sent.metadata],
  );
  assertEquals(
    got.violations.map(({ field, description, reason }) => [
      field,
      description,
      reason,
    ]),
    [["a", "b", "C"]],
  );
});

Deno.test("UNAVAILABLE and RESOURCE_EXHAUSTED have a retry hint by default, others none", () => {
  const hint = (code: RpcError["code"]) => refusal({ code }).retryAfterMs;
  assertEquals(hint(status.UNAVAILABLE), 250);
  assertEquals(hint(status.RESOURCE_EXHAUSTED), 1_000);
  assertEquals(hint(status.NOT_FOUND), undefined);
  assertEquals(
    toStatus(refusal({})).metadata.get("grpc-retry-pushback-ms"),
    [],
  );
});

Deno.test("a thousand violations fit into the smallest header limit, and the rest is counted", () => {
  const violations = Array.from({ length: 1_000 }, (_, i) => ({
    field: `items[${i}].qty`,
    description: "must be from 1 to 1,000,000",
  }));
  const error = refusal({ violations });
  const [bytes] = toStatus(error).metadata.get(STATUS_DETAILS);
  assert(bytes instanceof Uint8Array);
  assert(Math.ceil(bytes.length / 3) * 4 < 7_000, `${bytes.length} bytes`);
  const got = fromServiceError(toServiceError(error)).violations;
  const last = got.at(-1);
  assertEquals(last?.reason, "VIOLATIONS_OMITTED");
  assertEquals(last?.description, `and ${1_000 - (got.length - 1)} more`);
});

Deno.test("whatever the texts contain, the status can be put into headers of bounded size", () => {
  const text = fc.string({ unit: "binary", maxLength: 3_000 });
  fc.assert(
    fc.property(text, text, text, text, (message, field, why, value) => {
      const { details, metadata } = toStatus(
        refusal({
          message: message + "\ud800",
          violations: [{ field: field + "\udc00", description: why }],
          metadata: { value },
        }),
      );
      encodeURI(details);
      const size = Object.values(metadata.toHttp2Headers()).flat()
        .reduce<number>((sum, header) => sum + String(header).length, 0);
      return details.length <= 512 && size < 8_192;
    }),
  );
});

Deno.test("a peer without details is read by its code", () => {
  const got = fromServiceError({
    code: status.CANCELLED,
    details: "gone",
    metadata: new Metadata(),
  });
  assertEquals([got.code, got.reason, got.message], [
    status.CANCELLED,
    "CANCELLED",
    "gone",
  ]);
});

Deno.test("details that cannot be decoded are passed over", () => {
  const error = toServiceError(refusal({}));
  error.metadata.set(STATUS_DETAILS, Buffer.from([0xff, 0xff]));
  assertEquals(fromServiceError(error).reason, "INVALID_ARGUMENT");
});

Deno.test("no text of a library reaches a caller, and its code is kept", () => {
  for (
    const [given, expected] of [
      [status.DEADLINE_EXCEEDED, status.DEADLINE_EXCEEDED],
      [status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED],
      [status.UNKNOWN, status.INTERNAL],
      [status.OK, status.INTERNAL],
    ] as const
  ) {
    const made = own({ code: given, details: "at /srv/oms/server.js:12" });
    assertEquals(made.code, expected);
    assert(!made.details.includes("/srv"));
    assertEquals(made.metadata.get(STATUS_DETAILS).length, 1);
  }
});

Deno.test("what a handler answered passes unchanged", () => {
  const ours = toStatus(refusal({ message: "ours" }));
  assertEquals(own(ours), ours);
});
