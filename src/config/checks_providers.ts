/** What the providers' variables must be to each other. */
import {
  certificateAndKey,
  type Check,
  nameOf,
  problem,
  type Values,
} from "./check.ts";
import type { VariableKey } from "./variables.ts";

/** What OMS_ALLOW_MOCK_INTEGRATIONS is when it is not set. */
export function mocksAllowed(values: Values): boolean {
  return values.allowMockIntegrations ?? values.storageDriver !== "postgres";
}

const PAYMENT = {
  url: "paymentUrl",
  token: "paymentToken",
  headers: "paymentHeaders",
  ca: "paymentTlsCa",
  cert: "paymentTlsCert",
  key: "paymentTlsKey",
} as const;
const INVENTORY = {
  url: "inventoryUrl",
  token: "inventoryToken",
  headers: "inventoryHeaders",
  ca: "inventoryTlsCa",
  cert: "inventoryTlsCert",
  key: "inventoryTlsKey",
} as const;
type ProviderKeys = typeof PAYMENT | typeof INVENTORY;

const providersAreReal: Check = {
  needs: [
    "allowMockIntegrations",
    "storageDriver",
    "paymentUrl",
    "inventoryUrl",
  ],
  find(values) {
    if (mocksAllowed(values)) return [];
    const keys: VariableKey[] = ["paymentUrl", "inventoryUrl"];
    return keys.filter((key) => values[key] === undefined).map((key) =>
      problem(
        key,
        `is needed because ${nameOf("allowMockIntegrations")} is false: set ${
          nameOf("paymentUrl")
        } and ${nameOf("inventoryUrl")}`,
      )
    );
  },
};

function accessFits(keys: ProviderKeys): Check {
  const { url, token, headers, ca, cert, key } = keys;
  return {
    needs: [url, token, headers, ca, cert, key],
    find(values) {
      const problems = certificateAndKey(values, cert, key);
      const named = values[headers]?.some(({ name }) =>
        name.toLowerCase() === "authorization"
      );
      if (named && values[token] !== undefined) {
        problems.push(problem(
          headers,
          `sets authorization, and ${nameOf(token)} does, too: keep one`,
        ));
      }
      if (values[url]?.startsWith("http:")) {
        const tls = [ca, cert, key].filter((one) => values[one] !== undefined);
        if (tls.length > 0) {
          problems.push(problem(
            url,
            `must begin with https:// because ${
              tls.map(nameOf).join(" and ")
            } is set`,
          ));
        }
      }
      return problems;
    },
  };
}

export const PROVIDER_CHECKS: readonly Check[] = [
  providersAreReal,
  accessFits(PAYMENT),
  accessFits(INVENTORY),
];

/** What is of no use without a URL, by the URL's variable. */
export const IDLE_WITHOUT_URL = [PAYMENT, INVENTORY].map((
  { url, ...others },
) => ({ url, others: Object.values(others) }));
