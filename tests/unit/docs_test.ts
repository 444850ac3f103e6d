/** The documents say what the code does: names, defaults, commands, examples. */
import { assert, assertEquals } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { VARIABLES } from "../../src/config/variables.ts";
import { SERVICE_CONFIG } from "../../src/grpc/client.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const read = (path: string) =>
  Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

const README = read("README.md");
const DOC_NAMES = [
  "architecture",
  "decisions",
  "operations",
  "client",
  "compatibility",
];
const DOCS = DOC_NAMES.map((name) => read(`docs/${name}.md`));

function* sources(folder: string): Generator<string> {
  for (
    const { name, isDirectory } of Deno.readDirSync(
      new URL(`../../${folder}`, import.meta.url),
    )
  ) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else yield read(folder + name);
  }
}

function tableRows(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("README's environment table has every variable with its default and meaning, and no other", () => {
  const expected = Object.values(VARIABLES).map((
    { name, fallback, doc, kind },
  ) => [
    `\`${name}\``,
    fallback === undefined ? "-" : `\`${fallback}\``,
    kind === "plain" ? doc : `${doc} (also as \`${name}_FILE\`)`,
  ]);
  const [, section = ""] = /## Environment\n([^]*?)\n## /.exec(README) ?? [];
  assertEquals(tableRows(section).slice(2), expected);
});

Deno.test("every environment variable that the documents name exists", () => {
  const known = new Set(Object.values(VARIABLES).map(({ name }) => name));
  for (const text of [README, ...DOCS]) {
    for (const [name] of text.matchAll(/\b(?:OMS|KAFKA)_[A-Z_]*[A-Z]\b/g)) {
      const base = name.replace(/_FILE$/, "");
      const prefix = [...known].some((each) => each.startsWith(`${base}_`));
      assert(known.has(base) || prefix, `${name} is not a variable`);
    }
  }
});

Deno.test("every metric that the documents name is exported", async () => {
  using metrics = createMetrics();
  const exported = await metrics.render();
  for (const text of DOCS) {
    for (const [name] of text.matchAll(/\boms_[a-z_]*[a-z]\b/g)) {
      assert(exported.includes(`# HELP ${name}`), `${name} is not exported`);
    }
  }
});

Deno.test("every metric that is exported is explained in docs/operations.md", async () => {
  using metrics = createMetrics();
  const exported = (await metrics.render()).matchAll(/^# HELP (\S+)/gm);
  const [, section = ""] = /## Metrics\n([^]*?)\n## /.exec(
    read("docs/operations.md"),
  ) ?? [];
  const explained = [...section.matchAll(/`([a-z_]+)(\*?)[{`]/g)];
  const silent = [...exported].map(([, name = ""]) => name).filter((name) =>
    !explained.some(([, start = "", star]) =>
      star === "*" ? name.startsWith(start) : name === start
    )
  );
  assertEquals(silent, []);
});

/** The lines that the runbook explains, an end that it leaves out with them. */
function explainedLines(): string[] {
  const [, section = ""] = /## Log lines\n([^]*?)\n## /.exec(
    read("docs/operations.md"),
  ) ?? [];
  return [...section.matchAll(/^\| `([^`]*?)(?: ?…)?` /gm)]
    .map(([, line = ""]) => line);
}

Deno.test("every log line that docs/operations.md lists is logged", () => {
  const code = [...sources("src/")].join("\n");
  const unknown = explainedLines().filter((line) =>
    !code.includes(`"${line}`) && !code.includes(`\`${line}`)
  );
  assertEquals(unknown, []);
});

Deno.test("every line that is logged, debug aside, is explained in docs/operations.md", () => {
  const logged = [...sources("src/")].flatMap((code) => [
    ...code.matchAll(
      /\blog(?:ger)?(?:\?\.)?(?:\.(?:info|warn|error)\(|\(\s*"(?:info|warn|error)",)\s*"([^"]+)"/g,
    ),
  ]).map(([, message = ""]) => message);
  assert(logged.length > 30, "it reads the code");
  const explained = explainedLines();
  const silent = logged.filter((message) =>
    !explained.some((line) => message.startsWith(line))
  );
  assertEquals(silent, []);
});

Deno.test("the service config of docs/client.md is the one that our client uses", () => {
  const [, json = ""] = /```json\n([^]*?)```/.exec(read("docs/client.md")) ??
    [];
  assertEquals(JSON.parse(json), SERVICE_CONFIG);
});

Deno.test("five attempts of the service config, which is what most libraries allow, span a restart of 15 s", () => {
  const [{ retryPolicy } = { retryPolicy: null }] = SERVICE_CONFIG.methodConfig;
  assert(retryPolicy !== null);
  const { initialBackoff, maxBackoff, backoffMultiplier } = retryPolicy;
  const pauses = [0, 1, 2, 3].map((before) =>
    Math.min(
      parseFloat(initialBackoff) * backoffMultiplier ** before,
      parseFloat(maxBackoff),
    )
  );
  assertEquals(retryPolicy.maxAttempts, pauses.length + 1);
  assert(pauses.reduce((sum, pause) => sum + pause) >= 15, `${pauses}`);
});

Deno.test("docs/client.md says of every reason of a refusal whether to repeat the call", () => {
  const given = [
    ...[...sources("src/grpc/")].join().matchAll(/\breason: "([A-Z_]+)"/g),
    ...[...sources("src/orders/"), ...sources("src/commands/")].join()
      .matchAll(/"([A-Z]+(?:_[A-Z]+)+)"/g),
  ].map(([, reason = ""]) => reason);
  assert(given.length > 20, "it reads the code");
  // The health service answers as its own contract says.
  const ours = new Set(given).difference(new Set(["SERVICE_UNKNOWN"]));
  const told = tableRows(read("docs/client.md")).map(([, reasons]) => reasons)
    .join();
  assertEquals([...ours].filter((each) => !told.includes(`\`${each}\``)), []);
});

Deno.test("README shows the example as it is", () => {
  const [, code = ""] = /```ts\n([^]*?)```/.exec(README) ?? [];
  assertEquals(code.trim(), read("examples/01_http_server.ts").trim());
});

Deno.test("every task that the documents name exists", () => {
  const tasks = new Set(Object.keys(manifest.tasks));
  for (const text of [README, ...DOCS, read("CONTRIBUTING.md")]) {
    for (
      const [, name = ""] of text.matchAll(
        /(?:deno|2\.8\.3) task ([a-z]+[a-z:]*)\b/g,
      )
    ) {
      assert(tasks.has(name), `deno task ${name} does not exist`);
    }
  }
});

Deno.test("the service's permissions are listed, and running programs is not among them", () => {
  const { command } = manifest.tasks.run;
  assert(!/(^|\s)(-A|--allow-all|--allow-run)\b/.test(command), command);
  assert(command.includes("--allow-net"), command);
});

Deno.test("the chart and the changelog have the version of deno.json", () => {
  const { version } = manifest;
  assert(read("helm/oms/Chart.yaml").includes(`\nappVersion: "${version}"\n`));
  assertEquals(/^## (\S+)/m.exec(read("CHANGELOG.md"))?.[1], version);
});

Deno.test("every link within the documents leads to a file, and to a heading where it names one", () => {
  const pages = [
    ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/chaos-report.md"],
    ...DOC_NAMES.map((name) => `docs/${name}.md`),
  ];
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, link = ""] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      if (!leads(new URL(link, `https://docs/${page}`))) {
        broken.push(`${page}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
});

function leads({ pathname, hash }: URL): boolean {
  try {
    const text = read(pathname.slice(1));
    return hash === "" || headingsOf(text).includes(hash.slice(1));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** As GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}
