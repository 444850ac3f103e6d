/** Who we are to the providers: tokens, headers, certificates. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { configOf, type Env, load, NO_FILES, problemsOf } from "./fixtures.ts";

const CA = makeAuthority("ca");
const CLIENT = makeCertificate("oms", ["oms"], CA);
const OTHER = makeCertificate("other", ["other"], CA);

const URLS = {
  OMS_PAYMENT_URL: "https://pay.example",
  OMS_INVENTORY_URL: "http://stock",
};

function shown(env: Env, files: Env = {}) {
  const readFile = (path: string) => files[path] ?? NO_FILES(path);
  const { payment, inventory } = configOf(env, { readFile }).providers;
  return [payment, inventory].map((target) =>
    target.kind === "simulated" ? null : {
      headers: target.headers.map(({ name, value }) =>
        `${name}: ${value.reveal()}`
      ),
      tls: [target.tls.ca, target.tls.cert, target.tls.key?.reveal()],
    }
  );
}

Deno.test("tokens are bearer headers, further headers stand before them; each from the environment or a file", () => {
  assertEquals(
    shown({
      ...URLS,
      OMS_PAYMENT_TOKEN: "abc.DEF-123_~+/=",
      OMS_PAYMENT_HEADERS: "X-Tenant: shop 7\nX-Mode:live\n",
      OMS_INVENTORY_TOKEN_FILE: "/s/token",
      OMS_INVENTORY_HEADERS_FILE: "/s/headers",
    }, { "/s/token": "t-1\n", "/s/headers": "\r\nApi-Version: 2\r\n" }),
    [{
      headers: [
        "X-Tenant: shop 7",
        "X-Mode: live",
        "authorization: Bearer abc.DEF-123_~+/=",
      ],
      tls: [undefined, undefined, undefined],
    }, {
      headers: ["Api-Version: 2", "authorization: Bearer t-1"],
      tls: [undefined, undefined, undefined],
    }],
  );
});

Deno.test("certificates come from files or as PEM, for each provider of its own", () => {
  assertEquals(
    shown({
      ...URLS,
      OMS_PAYMENT_TLS_CA: "/tls/ca.pem",
      OMS_PAYMENT_TLS_CERT: CLIENT.cert,
      OMS_PAYMENT_TLS_KEY_FILE: "/tls/key.pem",
    }, { "/tls/ca.pem": CA.cert, "/tls/key.pem": CLIENT.key }),
    [
      {
        headers: [],
        tls: [CA.cert.trimEnd(), CLIENT.cert, CLIENT.key.trimEnd()],
      },
      { headers: [], tls: [undefined, undefined, undefined] },
    ],
  );
});

Deno.test("what cannot be sent, or would change what we send, is refused by name and never shown", () => {
  const cases: [string, string, string][] = [
    ["OMS_PAYMENT_TOKEN", "hunter 2", "is not a token"],
    ["OMS_PAYMENT_TOKEN", "hunter2\n", "is not a token"],
    ["OMS_PAYMENT_TOKEN", "hünter2", "is not a token"],
    ["OMS_INVENTORY_HEADERS", "hunter2", "is not a header"],
    ["OMS_INVENTORY_HEADERS", "X-A: hunter2\u0000", "is not a header"],
    ["OMS_INVENTORY_HEADERS", "X A: hunter2", "is not a header"],
    ["OMS_INVENTORY_HEADERS", "X-A:", "is not a header"],
    ["OMS_INVENTORY_HEADERS", "Idempotency-Key: hunter2", "idempotency-key"],
    ["OMS_INVENTORY_HEADERS", "HOST: hunter2", "host"],
    ["OMS_INVENTORY_HEADERS", "X-A: hunter2\nx-a: hunter3", "twice"],
  ];
  for (const [name, value, expected] of cases) {
    const problems = problemsOf({ ...URLS, [name]: value });
    assertEquals(Object.keys(problems), [name]);
    assertStringIncludes(problems[name] ?? "", expected);
    assert(!JSON.stringify(problems).includes("nter"), value);
  }
});

Deno.test("credentials have to fit each other and the URL", () => {
  const refused = (env: Env) => problemsOf({ ...URLS, ...env });
  assertEquals(
    refused({
      OMS_PAYMENT_TOKEN: "t",
      OMS_PAYMENT_HEADERS: "Authorization: Basic eA==",
    }),
    {
      OMS_PAYMENT_HEADERS:
        "sets authorization, and OMS_PAYMENT_TOKEN does, too: keep one",
    },
  );
  assertEquals(refused({ OMS_PAYMENT_TLS_CERT: CLIENT.cert }), {
    OMS_PAYMENT_TLS_KEY: "is needed because OMS_PAYMENT_TLS_CERT is set",
  });
  assertEquals(
    refused({
      OMS_PAYMENT_TLS_CERT: CLIENT.cert,
      OMS_PAYMENT_TLS_KEY: OTHER.key,
    }),
    {
      OMS_PAYMENT_TLS_KEY:
        "is not the key of the first certificate in OMS_PAYMENT_TLS_CERT",
    },
  );
  assertEquals(refused({ OMS_INVENTORY_TLS_CA: CA.cert }), {
    OMS_INVENTORY_URL:
      "must begin with https:// because OMS_INVENTORY_TLS_CA is set",
  });
});

Deno.test("credentials of a simulated provider do nothing, and say so", () => {
  const { warnings } = load({ OMS_PAYMENT_TOKEN: "t" });
  assertEquals(warnings, [{
    name: "OMS_PAYMENT_TOKEN",
    message:
      "has no effect: OMS_PAYMENT_URL is not set, the provider is simulated",
  }]);
});

Deno.test("no credential shows in the config or its entries", () => {
  const loaded = load({
    ...URLS,
    OMS_PAYMENT_TOKEN: "hunter1",
    OMS_PAYMENT_HEADERS: "X-Key: hunter2",
    OMS_INVENTORY_TOKEN: "hunter3",
  });
  const text = JSON.stringify(loaded) +
    Deno.inspect(loaded, { depth: Infinity });
  assert(!text.includes("hunter"), text);
});
