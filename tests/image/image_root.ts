/** The image's root file system, built once for all tests of this folder. */
import { buildRoot } from "../../scripts/image/root.ts";
import { serviceCommand } from "../support/service_command.ts";

let built: string | null = null;

/**
 * Folder of the root, from OMS_TEST_BINARY (default dist/oms).
 *
 * @throws BuildError when the program needs what distroless/cc does not have
 */
export async function imageRoot(): Promise<string> {
  if (built !== null) return built;
  if (!Deno.env.get("OMS_TEST_BINARY")) {
    Deno.env.set("OMS_TEST_BINARY", "dist/oms");
  }
  const root = await Deno.makeTempDir({ prefix: "oms-image-" });
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(root, { recursive: true }),
  );
  const [binary = ""] = serviceCommand();
  await buildRoot(binary, root);
  return built = root;
}
