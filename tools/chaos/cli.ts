/** What the chaos tools have in common on the command line. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { parsePositive, seedOption } from "../client/parse.ts";
import type { PartPlan } from "./part.ts";
import { parseProfiles, PROFILES, type Profiles } from "./profiles.ts";

/** As commander gives them. */
export interface PartFlags {
  readonly rounds: number;
  readonly seed: number;
  readonly profile: Profiles;
  readonly rps: number;
  readonly kafka: boolean;
}

export function planOf({ profile, ...flags }: PartFlags): PartPlan {
  return { ...flags, profiles: profile };
}

function parseProfileList(text: string): Profiles {
  try {
    return parseProfiles(text);
  } catch (error) {
    throw new InvalidArgumentError(String(error));
  }
}

/** Adds the options of a part; their values are PartFlags. Without a seed among the defaults chance draws one. */
export function addPartOptions(
  command: Command,
  defaults: { readonly seed?: number; readonly rounds: number },
): Command {
  const seed = seedOption("of faults and load", parsePositive);
  if (defaults.seed !== undefined) seed.default(defaults.seed);
  return command
    .option(
      "--rounds <n>",
      "ends of the service",
      parsePositive,
      defaults.rounds,
    )
    .addOption(seed)
    .addOption(
      new Option(
        "--profile <list>",
        `comma list of ${PROFILES.join(", ")}; or all`,
      ).default(["mixed"], "mixed").argParser(parseProfileList),
    )
    .option("--rps <n>", "flows a second", parsePositive, 80)
    .option("--kafka", "publish to a real broker (needs java and mvn)", false);
}
