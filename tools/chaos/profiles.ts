/** Kinds of chaos, and what a machine needs for each. */

/**
 * - `kill`: SIGKILL, at random moments and at failpoints
 * - `term`: SIGTERM, likewise
 * - `mixed`: both, SIGKILL during a stop and during a start as well
 * - `providers`: they are slow, decline, give no usable answer, hang, are away
 * - `kafka`: the broker is stopped, killed, restarted
 * - `clock`: the wall clock jumps by 1 h or 25 h, forwards and back; starts with it wrong, or behind the store
 * - `pause`: the service is stopped (SIGSTOP) and goes on later
 * - `disk`: there is no space for a while
 * - `files`: lock, store, its log or the file of events is removed, replaced, overwritten or rotated
 *
 * In all of them each round ends with the end of the service, under load.
 */
export const PROFILES = [
  "kill",
  "term",
  "mixed",
  "providers",
  "kafka",
  "clock",
  "pause",
  "disk",
  "files",
] as const;
export type Profile = typeof PROFILES[number];
export type Profiles = readonly [Profile, ...Profile[]];

/** @param text comma list, or `all` @throws Error naming what is none */
export function parseProfiles(text: string): Profiles {
  if (text === "all") return PROFILES;
  const [first, ...others] = text.split(",").map((name) => {
    const found = PROFILES.find((profile) => profile === name.trim());
    if (found !== undefined) return found;
    throw new Error(
      `Cannot play a profile: expected a comma list of ${
        PROFILES.join(", ")
      }, or all (received ${text})`,
    );
  });
  // A split text has a first part.
  return first === undefined ? PROFILES : [first, ...others];
}

export function needsBroker(profiles: Profiles): boolean {
  return profiles.includes("kafka");
}

/** True: the data has to lie on a disk whose space can be taken away. */
export function needsSmallDisk(profiles: Profiles): boolean {
  return profiles.includes("disk");
}

/** True: the service has to run with a wall clock that can be moved. */
export function needsWallClock(profiles: Profiles): boolean {
  return profiles.includes("clock");
}
