import { assertEquals } from "@std/assert";
import { providerProxy } from "../../../src/app/provider_proxy.ts";
import type { ProviderTarget } from "../../../src/config/types.ts";

const SIMULATED: ProviderTarget = { kind: "simulated" };
const http = (url: string): ProviderTarget => ({
  kind: "http",
  url,
  headers: [],
  tls: { ca: undefined, cert: undefined, key: undefined },
});

function shown(
  env: Readonly<Record<string, string>>,
  payment: ProviderTarget,
  inventory: ProviderTarget = SIMULATED,
): string {
  return providerProxy({ payment, inventory }, (name) => env[name]);
}

Deno.test("F84 the ready line names the proxy of the providers' calls, without credentials", () => {
  const env = {
    HTTP_PROXY: "http://user:word@proxy:3128/x",
    https_proxy: "user:word@secure:8443",
    NO_PROXY: ".svc,10.0.0.0/8",
  };
  const none = ".svc,10.0.0.0/8";
  assertEquals(
    shown(env, http("http://pay")),
    `HTTP_PROXY=http://proxy:3128 NO_PROXY=${none}`,
  );
  assertEquals(
    shown(env, http("http://pay"), http("https://stock/v1")),
    `HTTPS_PROXY=http://secure:8443 HTTP_PROXY=http://proxy:3128 NO_PROXY=${none}`,
  );
  assertEquals(
    shown({ ALL_PROXY: "socks5://u:p@[::1]:1080" }, http("https://pay")),
    "ALL_PROXY=socks5://[::1]:1080",
  );
  assertEquals(
    shown({ HTTP_PROXY: "http://u:p@[x" }, http("http://pay")),
    "HTTP_PROXY=(unreadable)",
  );
});

Deno.test("F84 a proxy that no provider's call goes through is not named", () => {
  assertEquals(shown({ HTTP_PROXY: "http://proxy" }, SIMULATED), "none");
  assertEquals(shown({ HTTPS_PROXY: "p" }, http("http://pay")), "none");
  assertEquals(shown({ NO_PROXY: "*" }, http("http://pay")), "none");
  assertEquals(shown({ HTTP_PROXY: "" }, http("http://pay")), "none");
});
