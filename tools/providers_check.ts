/**
 * `deno task providers:check`: plays the contract of docs/providers.md against an adapter and prints a table.
 * Exit code 0: every rule held; 1: one did not; 2: nothing could be played.
 */
import { accessOf } from "../src/app/provider_access.ts";
import { ConfigError, loadConfig } from "../src/config.ts";
import type { HttpAccess } from "../src/providers/mod.ts";
import { withoutSeparator } from "./client/parse.ts";
import { toolCommand, usageExit } from "./client/usage.ts";
import {
  Contract,
  type Goods,
  UnreachableError,
} from "./providers/check/contract.ts";
import { Player } from "./providers/check/player.ts";
import { type Row, table } from "./providers/check/rows.ts";

interface Flags {
  readonly url?: string;
  readonly paymentUrl?: string;
  readonly inventoryUrl?: string;
  readonly sku: string;
  readonly currency: string;
  readonly amount: string;
  readonly declineAmount?: string;
  readonly declineSku?: string;
}

const command = toolCommand("providers:check")
  .description(
    "Plays docs/providers.md against payment and inventory adapters: real effects, so use a sandbox",
  )
  .option("--url <url>", "base URL of both")
  .option("--payment-url <url>", "base URL of the payment adapter")
  .option("--inventory-url <url>", "base URL of the inventory adapter")
  .option("--sku <sku>", "what can be reserved", "sku-1")
  .option("--currency <code>", "what is charged in", "EUR")
  .option("--amount <minor>", "what is charged, in minor units", "100")
  .option("--decline-amount <minor>", "an amount that is declined")
  .option("--decline-sku <sku>", "what is out of stock")
  .addHelpText(
    "after",
    "\nCredentials and time-out: OMS_PAYMENT_TOKEN and the service's other variables.",
  );

/** Only what concerns providers: the rest of the environment may be another service's. */
function ofProviders([name]: readonly [string, string]): boolean {
  return /^OMS_(?:PAYMENT|INVENTORY)_/.test(name) ||
    name.startsWith("OMS_PROVIDER_TIMEOUT");
}

/** @throws ConfigError */
function settings(flags: Flags) {
  const env = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(ofProviders),
  );
  const given = {
    OMS_PAYMENT_URL: flags.paymentUrl ?? flags.url,
    OMS_INVENTORY_URL: flags.inventoryUrl ?? flags.url,
  };
  const named = Object.values(given).some((url) => url !== undefined);
  const { config } = loadConfig({
    // What is named on the command line is all that is played.
    env: { ...env, ...(named ? given : {}) },
    readFile: Deno.readTextFileSync,
    stdoutIsTerminal: false,
  });
  return config.providers;
}

async function play(
  access: HttpAccess,
  timeoutMs: number,
  goods: Goods,
  what: "payment" | "inventory",
): Promise<readonly Row[]> {
  using player = new Player(access, timeoutMs);
  using stranger = access.headers.length === 0
    ? null
    : new Player({ ...access, headers: [] }, timeoutMs);
  const run = crypto.randomUUID().slice(0, 8);
  const contract = new Contract(player, stranger, goods, run);
  await contract[what]();
  return contract.rows;
}

async function main(): Promise<number> {
  command.parse(withoutSeparator(Deno.args), { from: "user" });
  const flags = command.opts<Flags>();
  const { payment, inventory, timeoutMs } = settings(flags);
  const goods: Goods = {
    sku: flags.sku,
    currency: flags.currency,
    amountMinor: flags.amount,
    declineAmountMinor: flags.declineAmount ?? null,
    declineSku: flags.declineSku ?? null,
  };
  const rows: Row[] = [];
  for (const [what, target] of Object.entries({ payment, inventory })) {
    const access = accessOf(target);
    if (access === null) continue;
    const name = what === "payment" ? "payment" : "inventory";
    rows.push(...await play(access, timeoutMs, goods, name));
  }
  if (rows.length === 0) {
    console.error("Name an adapter: --url, --payment-url or --inventory-url");
    return 2;
  }
  console.log(table(rows));
  return rows.some(({ verdict }) => verdict === "FAIL") ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main();
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof ConfigError) {
      console.error(error.message);
      Deno.exitCode = 2;
    } else Deno.exitCode = usageExit(error);
  }
}
