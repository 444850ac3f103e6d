import { run } from "../support/run_program.ts";
import { testsThatNeed } from "../support/required.ts";
import { PROXIES, type ProxyName } from "./proxies.ts";

const VERSION = { nginx: "-v", haproxy: "-v" } as const;

async function whyNot(name: ProxyName): Promise<string | null> {
  const tried = await run(name, [VERSION[name]]);
  return tried?.success ? null : `${name} is not installed`;
}

/** Makes tests that need that proxy. */
export const proxyTests = new Map(
  await Promise.all(PROXIES.map(async (name) =>
    [
      name,
      testsThatNeed({
        missing: await whyNot(name),
        requiredBy: "TEST_REQUIRE_PROXIES",
        cannot: `Cannot drain behind ${name}`,
      }),
    ] as const
  )),
);
