import { assert, assertEquals, assertThrows } from "@std/assert";
import { planRound, type Round } from "../../../tools/chaos/faults.ts";
import {
  parseProfiles,
  PROFILES,
  type Profiles,
} from "../../../tools/chaos/profiles.ts";
import { seededRandom } from "../../../tools/load/random.ts";

function plan(profiles: Profiles, rounds = 400): Round[] {
  const random = seededRandom(42);
  return Array.from({ length: rounds }, () => planRound(profiles, random));
}

const kindsOf = (rounds: readonly Round[]) =>
  [...new Set(rounds.map(({ ending }) => ending.kind))].sort();

Deno.test("a seed plans the same rounds each time, within their bounds", () => {
  for (const profile of PROFILES) {
    assertEquals(plan([profile]), plan([profile]));
    for (const { afterMs, troubleMs, ending } of plan([profile])) {
      assert(afterMs >= 200 && afterMs <= 1_500);
      assert(troubleMs >= 0 && troubleMs <= 2_500);
      if ("killAfterMs" in ending) assert(ending.killAfterMs <= 500);
    }
  }
});

Deno.test("each profile has its own ends of the service", () => {
  assertEquals(kindsOf(plan(["term"])), ["point", "term"]);
  assertEquals(kindsOf(plan(["kill"])), [
    "kill",
    "point",
    "start-kill",
    "start-point",
  ]);
  assertEquals(kindsOf(plan(["mixed"])), [
    "kill",
    "point",
    "start-kill",
    "start-point",
    "stop-point",
    "term",
    "term-kill",
  ]);
  for (const { ending } of plan(["kill"])) {
    assert(!("action" in ending) || ending.action === "kill");
  }
  for (const { ending } of plan(["term"])) {
    assert(!("action" in ending) || ending.action === "sigterm");
  }
});

Deno.test("troubles belong to their profile, and several profiles take turns", () => {
  for (const { profile, trouble } of plan(PROFILES)) {
    const expected = {
      kill: "none",
      term: "none",
      mixed: "none",
      providers: "providers",
      kafka: "broker",
      clock: "clock",
      pause: "pause",
      disk: "full-disk",
    }[profile];
    assertEquals(trouble.kind, expected);
  }
  const turns = new Set(plan(["term", "disk"]).map(({ profile }) => profile));
  assertEquals(turns, new Set(["term", "disk"]));
});

Deno.test("a full disk and a pause are over before the next start needs a disk and a processor", () => {
  for (const { lift } of plan(["disk", "pause"])) {
    assert(lift !== "after-start");
  }
});

Deno.test("profiles are a comma list or all; anything else is named", () => {
  assertEquals(parseProfiles("mixed, kafka"), ["mixed", "kafka"]);
  assertEquals(parseProfiles("all"), PROFILES);
  assertThrows(() => parseProfiles("mixed,never"), Error, "never");
});
