/**
 * The image's root file system in a folder: what `gcr.io/distroless/cc` has for this program, and the program.
 *
 * Invariants: only libraries that distroless/cc has, from this machine; no shell, no other program, nothing setuid; as
 * the Dockerfile lays it out. Not promised: the base image's own bytes, which no build without its registry has: this
 * proves the shape and what the program needs, it is not what is released.
 *
 * @module
 */
import { dirname } from "node:path";
import { BuildError, run } from "../build/project.ts";
import { type ImageSettings, readDockerfile } from "./dockerfile.ts";

/** Shared libraries of distroless/cc: Debian's libc6, libgcc-s1, libstdc++6, libgomp1 and libssl3. */
const DISTROLESS_CC: readonly RegExp[] = [
  /^ld-linux-x86-64\.so\.2$/,
  /^ld-linux-aarch64\.so\.1$/,
  /^lib(c|m)\.so\.6$/,
  /^lib(dl|util)\.so\.2$/,
  /^lib(rt|anl)\.so\.1$/,
  /^libpthread\.so\.0$/,
  /^lib(resolv|nss_dns|nss_files)\.so\.2$/,
  /^libgcc_s\.so\.1$/,
  /^lib(stdc\+\+)\.so\.6$/,
  /^libgomp\.so\.1$/,
  /^lib(ssl|crypto)\.so\.3$/,
];

const CA_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** What the C library loads by name for host names; nothing links to it. */
const BY_NAME = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`,
  "etc/group": `root:x:0:
nobody:x:65534:
tty:x:5:
staff:x:50:
nonroot:x:65532:
`,
  "etc/nsswitch.conf": "hosts: files dns\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
};

/** Builds the root in an empty folder, the volume as an empty folder in it. @throws BuildError */
export async function buildRoot(
  binary: string,
  root: string,
  settings: ImageSettings = readDockerfile(),
): Promise<void> {
  // A temporary folder is closed to others; the image's user is another.
  await Deno.chmod(root, 0o755);
  for (const path of ["proc", "dev", "tmp", "home/nonroot", "etc/ssl/certs"]) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  for (const [path, text] of Object.entries(FILES)) {
    await Deno.writeTextFile(`${root}/${path}`, text);
  }
  await Deno.copyFile(CA_CERTIFICATES, `${root}${CA_CERTIFICATES}`);
  for (const library of await libraries(binary)) await place(library, root);
  const [program = ""] = settings.entrypoint;
  await Deno.mkdir(dirname(root + program), { recursive: true });
  await Deno.copyFile(binary, root + program);
  await Deno.chmod(root + program, 0o755);
  for (const volume of settings.volumes) {
    await Deno.mkdir(root + volume, { recursive: true });
  }
}

/** Paths of the libraries that the program needs. @throws BuildError for one that distroless/cc does not have */
async function libraries(binary: string): Promise<string[]> {
  const text = await run("ldd", [binary]);
  const linked = [...text.matchAll(/(?:=> )?(\/\S+\/(\S+)) \(0x/g)].map((
    [, path = "", name = ""],
  ) => ({ path, name }));
  const foreign = linked.filter(({ name }) =>
    !DISTROLESS_CC.some((known) => known.test(name))
  );
  if (linked.length === 0 || foreign.length > 0) {
    throw new BuildError(
      `Cannot run ${binary} on distroless/cc: it needs ${
        foreign.map(({ name }) => name).join(", ") || "unknown libraries"
      }`,
    );
  }
  const folder = dirname(
    linked.find(({ name }) => name === "libc.so.6")?.path ?? "",
  );
  return [
    ...linked.map(({ path }) => path),
    ...BY_NAME.map((name) => `${folder}/${name}`),
  ];
}

async function place(path: string, root: string): Promise<void> {
  await Deno.mkdir(dirname(root + path), { recursive: true });
  // The file, not the link: links may lead to where the image has nothing.
  await Deno.copyFile(path, root + path).catch((error) => {
    const optional = BY_NAME.some((name) => path.endsWith(name));
    if (!optional || !(error instanceof Deno.errors.NotFound)) throw error;
  });
}
