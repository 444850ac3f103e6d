/**
 * `deno task licences`: writes THIRD_PARTY_LICENSES.md, what is inside of the program and under which terms;
 * `--check` compares it with what is committed.
 *
 * Invariant: a licence that is not in the list below fails, whatever is committed: somebody has to look at it first.
 *
 * @module
 */
import { type Package, shippedPackages } from "./build/packages.ts";
import { BuildError, main, ROOT } from "./build/project.ts";

const FILE = `${ROOT}THIRD_PARTY_LICENSES.md`;

/** Terms that fit Apache-2.0 and ask for no more than their notice. */
const ACCEPTED = [
  "MIT",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "(Apache-2.0 AND BSD-3-Clause)",
];

function render(packages: readonly Package[]): string {
  const table = packages.map(({ name, version, licence }) =>
    `| ${name} | ${version} | ${licence} |`
  );
  const texts = packages.map(({ name, version, licence, texts }) =>
    `## ${name} ${version}\n\n${
      texts.length === 0
        ? `${licence}; the package carries no text of it.`
        : texts.map((text) => "```\n" + text.trim() + "\n```").join("\n\n")
    }\n`
  );
  return `# Third-party licences

npm packages inside of the program. Written by \`deno task licences\`; the Deno
runtime that it is compiled onto has its own (https://github.com/denoland/deno).

| package | version | licence |
| ------- | ------- | ------- |
${table.join("\n")}

${texts.join("\n")}`;
}

await main(async (args) => {
  const packages = await shippedPackages();
  const refused = packages.filter(({ licence }) => !ACCEPTED.includes(licence));
  if (refused.length > 0) {
    throw new BuildError(
      `Cannot ship ${
        refused.map(({ name, licence }) => `${name} (${licence})`).join(", ")
      }: its licence is not among those that scripts/licences.ts accepts`,
    );
  }
  const text = render(packages);
  if (!args.includes("--check")) {
    await Deno.writeTextFile(FILE, text);
    return 0;
  }
  if (await Deno.readTextFile(FILE).catch(() => "") !== text) {
    throw new BuildError(
      "THIRD_PARTY_LICENSES.md is not what the program carries: run deno task licences and commit",
    );
  }
  console.log(`${packages.length} packages, their licences are listed`);
  return 0;
});
