/** What a provider is shown of who we are, and who else sees it: nobody. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ProviderResult } from "../../../src/providers/provider.ts";
import {
  type Certified,
  makeAuthority,
  makeCertificate,
} from "../../support/certificates.ts";
import { freePort } from "../../support/free_port.ts";
import {
  accessTo,
  providerCall,
  withProviders,
  withServer,
} from "./fixtures.ts";

const SECRET = "hunter2";

function withSecrets(url: string) {
  return {
    ...accessTo(url),
    headers: [
      ["X-Tenant", "shop"],
      ["authorization", `Bearer ${SECRET}`],
    ] as const,
  };
}

Deno.test("each provider gets its own credentials, and none changes what is ours", async () => {
  const seen: (string | null)[][] = [];
  await withServer((request) => {
    const { headers } = request;
    seen.push([
      new URL(request.url).pathname,
      headers.get("authorization"),
      headers.get("x-tenant"),
      headers.get("idempotency-key"),
      headers.get("content-type"),
    ]);
    return Response.json({ id: "x" });
  }, async (url) => {
    const settings = { payment: withSecrets(url) };
    await withProviders(url, settings, async ({ payment, inventory }) => {
      await payment.charge(providerCall());
      await inventory.reserve(providerCall());
    });
  });
  const rest = ["saga_1:charge", "application/json"];
  assertEquals(seen, [
    ["/charges", `Bearer ${SECRET}`, "shop", ...rest],
    ["/reservations", null, null, ...rest],
  ]);
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`F23 HTTP ${status} carries no credential to another origin`, async () => {
    const elsewhere: string[] = [];
    await withServer((request) => {
      elsewhere.push(request.headers.get("authorization") ?? "none");
      return Response.json({ id: "followed" });
    }, async (other) => {
      await withServer(
        () =>
          new Response(null, {
            status,
            headers: { location: `${other}/charges` },
          }),
        async (url) => {
          const payment = withSecrets(url);
          await withProviders(url, { payment }, async (providers) => {
            const result = await providers.payment.charge(providerCall());
            assertEquals(result.kind, "misconfigured");
          });
        },
      );
    });
    assertEquals(elsewhere, []);
  });
}

Deno.test("no credential is in what we say of a provider's refusal or absence", async () => {
  const results: ProviderResult[] = [];
  const charge = (url: string) =>
    withProviders(url, { payment: withSecrets(url) }, async ({ payment }) => {
      results.push(await payment.charge(providerCall()));
    });
  await withServer(() => new Response(null, { status: 401 }), charge);
  await charge(`http://127.0.0.1:${freePort()}`);
  assertEquals(results.map(({ kind }) => kind), ["misconfigured", "unknown"]);
  assert(!JSON.stringify(results).includes(SECRET));
});

/** A provider that wants to see a certificate of the authority. */
async function withMutualTls(
  authority: Certified,
  own: Certified,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer({
    cert: own.cert,
    key: own.key,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  }, (request, response) => {
    request.resume();
    response.setHeader("connection", "close");
    response.end('{"id":"ch_tls"}');
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  // Listening on TCP: the address is no pipe's.
  const { port } = server.address() as AddressInfo;
  try {
    await use(`https://127.0.0.1:${port}`);
  } finally {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    await closed.promise;
  }
}

Deno.test("mutual TLS: our certificate is shown, the provider's is checked against what we trust", async () => {
  const authority = makeAuthority("providers");
  const server = makeCertificate("pay", ["127.0.0.1"], authority);
  const client = makeCertificate("oms", ["oms"], authority);
  const { cert, key } = client;
  const ca = authority.cert;
  const unknown = makeAuthority("unknown").cert;
  await withMutualTls(authority, server, async (url) => {
    const chargeWith = async (tls: object) => {
      let result: ProviderResult | undefined;
      const payment = { ...accessTo(url), tls };
      await withProviders(url, { payment }, async (providers) => {
        result = await providers.payment.charge(providerCall());
      });
      assert(result !== undefined);
      return result;
    };
    assertEquals(await chargeWith({ ca, cert, key }), {
      kind: "done",
      id: "ch_tls",
    });
    // Several authorities may stand in one file.
    const both = `${unknown}\n${ca}`;
    assertEquals((await chargeWith({ ca: both, cert, key })).kind, "done");
    const bare = await chargeWith({ ca });
    assert(bare.kind === "unknown");
    assertStringIncludes(bare.cause, "exchange broken");
    const untrusted = await chargeWith({ ca: unknown, cert, key });
    assert(untrusted.kind === "unknown");
    assertStringIncludes(untrusted.cause, "certificate");
  });
});
