/**
 * `deno task chaos:report`: docs/chaos-report.md from the reports in docs/chaos.
 *
 * Files that are named (reports, or states of chaos:long) are taken into that
 * folder before. With `--check` nothing is written.
 *
 * Exit codes: 0; 1 when `--check` finds another page; 2 for a wrong command line.
 */
import { fileURLToPath } from "node:url";
import { longStateSchema } from "./chaos/long_state.ts";
import { type ChaosReport, chaosReportSchema } from "./chaos/report_schema.ts";
import { pageOf } from "./chaos/report_page.ts";
import { withoutSeparator } from "./client/parse.ts";
import { toolCommand, usageExit } from "./client/usage.ts";

const DOCS = fileURLToPath(new URL("../docs/", import.meta.url));
const FOLDER = `${DOCS}chaos/`;
const PAGE = `${DOCS}chaos-report.md`;

/** All that are kept, the oldest first. */
async function keptReports(): Promise<ChaosReport[]> {
  const reports: ChaosReport[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (!name.endsWith(".json")) continue;
    const text = await Deno.readTextFile(FOLDER + name);
    reports.push(chaosReportSchema.parse(JSON.parse(text)));
  }
  return reports.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
}

async function reportsIn(path: string): Promise<ChaosReport[]> {
  const content: unknown = JSON.parse(await Deno.readTextFile(path));
  const state = longStateSchema.safeParse(content);
  if (state.success) return state.data.parts.map(({ report }) => report);
  return [chaosReportSchema.parse(content)];
}

async function keep(report: ChaosReport): Promise<void> {
  const { profile, seed, at, commit } = report;
  // The same plan may be played again, of another commit.
  const name = [at.slice(0, 10), profile.replaceAll(",", "+"), seed, commit]
    .join("-");
  const text = `${JSON.stringify(report, null, 2)}\n`;
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}${name}.json`, text);
}

async function main(): Promise<number> {
  const command = toolCommand("chaos:report")
    .description("Writes docs/chaos-report.md")
    .argument("[files...]", "reports, or states of chaos:long, to take in")
    .option("--check", "write nothing; exit 1 when the page is not up to date")
    .parse(withoutSeparator(Deno.args), { from: "user" });
  const { check } = command.opts<{ check?: boolean }>();
  if (check) {
    const page = pageOf(await keptReports());
    if (page === await Deno.readTextFile(PAGE)) return 0;
    console.error(`${PAGE} is not up to date: deno task chaos:report`);
    return 1;
  }
  for (const path of command.args) {
    for (const report of await reportsIn(path)) await keep(report);
  }
  await Deno.writeTextFile(PAGE, pageOf(await keptReports()));
  return 0;
}

if (import.meta.main) Deno.exitCode = await main().catch(usageExit);
