/**
 * The sub-commands of the one program: which there are, and what each is given.
 *
 * Invariants: without a sub-command it serves; a word that is none ends with exit code 2 and changes nothing; only the
 * chosen command is loaded. Only `serve` keeps the signal listeners of the first lines: the others end on a signal as
 * programs do, also on one that came before.
 */
import { type ProcessSignals, SIGNALS } from "@oms/lifecycle/signals";
import { BASE, COMMIT, RUNTIME, VERSION } from "../build_info.ts";

/** What a sub-command is: its arguments in, its exit code out. */
export type CommandMain = (args: readonly string[]) => Promise<number>;
type Load = () => Promise<CommandMain>;

/** Sub-commands that are tools of their own. */
export interface Tools {
  readonly client: Load;
  readonly load: Load;
}

/** A wrong command line. */
const USAGE_ERROR = 2;

const HELP = `Usage: oms [command] [arguments]

  serve         run the service (default); the environment configures it
  healthcheck   ask this container's /readyz: exit code 0 ready, 1 not
  config        print each setting and where it came from, secrets masked
  client        call the service: create, pay, cancel, refund, get, list
  load          put load on the service and measure it

  --version     version, commit, base and runtime
  --help        this text; "oms client --help" and so on for a command

Exit codes of serve: 0 stopped in order, 1 failed, 3 work was cut off,
128+n forced by a further signal n. 2 is a wrong command line.
`;

/** Of the commands that are not tools with a help text of their own. */
const HELP_OF: Readonly<Record<string, string>> = {
  serve: `Usage: oms [serve]

Runs the service until SIGTERM or SIGINT (Ctrl-C) stops it in order. It takes no
arguments: the environment configures it, and "oms config" prints what it would
run with.

Exit codes: 0 stopped in order, 1 failed, 3 work was cut off, 128+n forced by a
further signal n.
`,
  healthcheck: `Usage: oms healthcheck

Asks /readyz of the service that listens on OMS_METRICS_ADDR of this same
environment.

Exit codes: 0 ready, 1 not ready or no answer.
`,
  config: `Usage: oms config [--json]

Prints each setting that "oms serve" would run with in this environment, and
where it came from; secrets are masked. Nothing is opened or bound.

Exit codes: 0, or 1 when the configuration would be refused (each mistake is
named).
`,
};

/** One line: what runs here, for people and for release checks. */
export function versionLine(base: string = BASE): string {
  return `oms ${VERSION} commit=${COMMIT} base=${base} runtime=${
    RUNTIME.replace(" ", "-")
  }`;
}

/** Runs what the arguments say; leaves the exit code in `Deno.exitCode`. */
export async function runCommandLine(
  signals: ProcessSignals,
  args: readonly string[],
  tools: Tools,
): Promise<void> {
  const [name = "serve", ...rest] = args;
  if (name === "serve" && rest.length === 0) {
    const { runService } = await import("../../app.ts");
    return await runService(signals);
  }
  endOnSignals(signals);
  const help = HELP_OF[name];
  const main = help !== undefined && isHelp(rest[0])
    ? print(help)
    : await commandOf(name, tools);
  Deno.exitCode = await main(rest);
}

function isHelp(word: string | undefined): boolean {
  return word === "--help" || word === "-h";
}

async function commandOf(name: string, tools: Tools): Promise<CommandMain> {
  switch (name) {
    case "serve":
      return refuseArguments;
    case "healthcheck":
      return (await import("./healthcheck.ts")).healthcheck;
    case "config":
      return (await import("./show_config.ts")).showConfig;
    case "client":
      return await tools.client();
    case "load":
      return await tools.load();
    case "version":
    case "--version":
    case "-V":
      return print(`${versionLine()}\n`);
    case "help":
    case "--help":
    case "-h":
      return print(HELP);
    default:
      return refuse(name);
  }
}

/** A signal that was kept so far is obeyed; later ones find no listener. */
function endOnSignals(signals: ProcessSignals): void {
  signals.subscribe(({ name, role }) => {
    if (role === "stop") Deno.exit(128 + SIGNALS[name].number);
  });
  signals[Symbol.dispose]();
}

function print(text: string): CommandMain {
  return () => {
    console.log(text.trimEnd());
    return Promise.resolve(0);
  };
}

function refuse(name: string): CommandMain {
  return () => {
    console.error(
      `Cannot run "${name}": it is no command of oms. Use one of serve, healthcheck, config, client, load (oms --help).`,
    );
    return Promise.resolve(USAGE_ERROR);
  };
}

function refuseArguments(args: readonly string[]): Promise<number> {
  console.error(
    `Cannot serve with ${
      JSON.stringify(args[0])
    }: serve takes no arguments, the environment configures it (oms config prints it).`,
  );
  return Promise.resolve(USAGE_ERROR);
}
