import { assert, assertEquals, assertThrows } from "@std/assert";
import { planRound, type Round } from "../../../tools/chaos/faults.ts";
import {
  parseProfiles,
  PROFILES,
  type Profiles,
} from "../../../tools/chaos/profiles.ts";
import {
  isOver,
  type LongState,
  openState,
  saveState,
  totalsOf,
  withPart,
} from "../../../tools/chaos/long_state.ts";
import { reportOf } from "../../../tools/chaos/report.ts";
import type { ChaosReport } from "../../../tools/chaos/report_schema.ts";
import { pageOf } from "../../../tools/chaos/report_page.ts";
import { Tally } from "../../../tools/chaos/tally.ts";
import { LoadStats } from "../../../tools/load/stats.ts";
import { withTempDir } from "../../support/temp_dir.ts";
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
    assert(!("action" in ending) || ending.action.kind !== "sigterm");
  }
  for (const { ending } of plan(["term"])) {
    assert(!("action" in ending) || ending.action.kind === "sigterm");
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
      files: "files",
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

Deno.test("the clock jumps beyond the keys' retention both ways, and is wrong at some of the starts", () => {
  const rounds = plan(["clock"]);
  const hours = rounds.map(({ trouble }) =>
    trouble.kind === "clock" ? trouble.aheadMs / 3_600_000 : 0
  );
  assertEquals(new Set(hours), new Set([-25, -1, 1, 25]));
  assert(rounds.some(({ lift }) => lift === "after-start"));
});

Deno.test("what is done to the files of the store ends the service, and is put back before the next start", () => {
  const rounds = plan(["files"]);
  assertEquals(kindsOf(rounds), ["fatal", "kill", "term"]);
  for (const { trouble, ending, lift } of rounds) {
    assert(trouble.kind === "files");
    const ends = !trouble.how.startsWith("events-");
    assertEquals(ending.kind === "fatal", ends);
    assert(lift === "before-start" || !ends && lift === "before-end");
  }
});

Deno.test("profiles are a comma list or all; anything else is named", () => {
  assertEquals(parseProfiles("mixed, kafka"), ["mixed", "kafka"]);
  assertEquals(parseProfiles("all"), PROFILES);
  assertThrows(() => parseProfiles("mixed,never"), Error, "never");
});

function report(change: Partial<ChaosReport> = {}): ChaosReport {
  return {
    commit: "0123456789ab",
    modified: false,
    at: "2026-01-02T03:04:05.000Z",
    seed: 7,
    profile: "mixed",
    publisher: "kafka",
    rounds: 50,
    duration_ms: 60_000,
    sigterms: 30,
    sigkills: 20,
    played: { "mixed/term": 50 },
    exit_codes: { 0: 28, 3: 2 },
    stop_ms: { p50: 50, max: 900 },
    ready_ms: { p50: 300, max: 500 },
    points: { hit: 9, missed: 1 },
    resumed_sagas: 100,
    calls: 5_000,
    flows_failed: 0,
    attempt_codes: { OK: 5_000 },
    events: { records: 9_000, repeated: 3 },
    acknowledged: 3_000,
    effects: 3_000,
    problems: { lost: 0, duplicated: 0, gap: 0, wrong: 0, unsettled: 0 },
    violations: [],
    ok: true,
    ...change,
  };
}

const FRESH: LongState = {
  plan: { profiles: ["mixed"], rounds: 50, rps: 80, kafka: true },
  goal: { sigterms: 60, sigkills: 30 },
  next_seed: 7,
  parts: [],
};

Deno.test("a long run goes on where it was left, with the next seed, to its goal", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/state.json`;
    let state = await openState(path, FRESH);
    assertEquals(state, FRESH);
    state = withPart(state, { report: report(), records: null });
    assert(!isOver(state));
    await saveState(path, state);

    const again = await openState(path, FRESH);
    assertEquals(again, state);
    assertEquals(again.next_seed, 8);
    const over = withPart(again, { report: report(), records: null });
    assert(isOver(over));
    // A goal is no part of the plan: it may be set higher later.
    const higher = { ...FRESH, goal: { sigterms: 1_000, sigkills: 500 } };
    await saveState(path, over);
    assert(!isOver(await openState(path, higher)));
  });
});

Deno.test("a long run never mixes parts of two plans", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/state.json`;
    await saveState(path, FRESH);
    const other: LongState = { ...FRESH, plan: { ...FRESH.plan, rounds: 51 } };
    let refused = "";
    await openState(path, other).catch((error) => refused = String(error));
    assert(refused.includes("another plan"), refused);
  });
});

Deno.test("totals count rounds, signals, what failed, and name the slowest stop", () => {
  const failed = report({ ok: false, stop_ms: { p50: 50, max: 5_000 } });
  assertEquals(totalsOf([report(), failed]), {
    sigterms: 60,
    sigkills: 40,
    rounds: 100,
    acknowledged: 6_000,
    failed: 1,
    slowestStopMs: 5_000,
  });
});

Deno.test("the page has a row for each run and says what failed", () => {
  const page = pageOf([
    report(),
    report({
      seed: 8,
      ok: false,
      problems: { lost: 1, duplicated: 0, gap: 0, wrong: 0, unsettled: 0 },
      violations: ["clients saw CANCELLED 2 times"],
    }),
  ]);
  assert(page.includes("Runs: 2, failed: 1. 100 rounds, 60 SIGTERMs"));
  assert(page.includes("56 with 0, 4 with 3; the slowest stop took 900 ms"));
  assert(page.includes("FAILED: lost 1; clients saw CANCELLED 2 times |"));
});

Deno.test("a stop keeps the rules with 0 or 3 within its budget, and with nothing else", () => {
  const tally = new Tally();
  tally.stopped("pid 1", { code: 0, signal: null }, 900, 20_000);
  tally.stopped("pid 2", { code: 3, signal: null }, 19_000, 20_000);
  assertEquals(tally.violations, []);
  tally.stopped("pid 3", { code: 1, signal: null }, 900, 20_000);
  tally.stopped("pid 4", { code: 143, signal: "SIGTERM" }, 900, 20_000);
  tally.stopped("pid 5", { code: 0, signal: null }, 20_001, 20_000);
  tally.stopped("pid 6", { code: 0, signal: null }, 900, NaN);
  assertEquals(tally.violations, [
    "pid 3 ended a SIGTERM with 1",
    "pid 4 ended a SIGTERM with 143",
    "pid 5 took 20001 ms to stop, budget 20000 ms",
    "pid 6 took 900 ms to stop, budget NaN ms",
  ]);
  assertEquals(tally.sigterms, 6);
  assertEquals(tally.exits, { 0: 3, 1: 1, 3: 1, 143: 1 });
});

Deno.test("a run fails for a code that no client may see, for a rule that was broken, and when nothing was acknowledged", () => {
  const judged = (
    change: {
      codes?: readonly string[];
      violation?: string;
      sigkills?: number;
      acknowledged?: number;
    },
  ) => {
    const stats = new LoadStats();
    for (const code of change.codes ?? ["OK"]) stats.attempt("pay", code);
    const tally = new Tally();
    if (change.violation !== undefined) tally.violations.push(change.violation);
    tally.sigkills = change.sigkills ?? 0;
    const { problems: counts } = report();
    const acknowledged = change.acknowledged ?? 1;
    return reportOf({
      plan: { seed: 1, rounds: 1, profiles: ["term"], rps: 1, kafka: false },
      publisher: "file",
      commit: { id: null, modified: false },
      at: new Date(0),
      durationMs: 1,
      tally,
      stats,
      verdict: {
        acknowledged,
        effects: acknowledged,
        counts,
        problems: [],
        parked: 0,
        story: null,
        ok: true,
      },
      published: { records: 0, repeated: 0 },
    });
  };
  assert(judged({}).ok);
  assert(!judged({ acknowledged: 0 }).ok);
  assert(!judged({ violation: "pid 1 ended by itself with 1" }).ok);
  const canceled = judged({ codes: ["OK", "CANCELLED"] });
  assert(!canceled.ok);
  assertEquals(canceled.violations, ["clients saw CANCELLED 1 times"]);
  // A killed server's callers may see INTERNAL, those of one that stops may not.
  assert(!judged({ codes: ["OK", "INTERNAL"] }).ok);
  assert(judged({ codes: ["OK", "INTERNAL"], sigkills: 1 }).ok);
  assert(!judged({ codes: ["OK", "NOT_FOUND"] }).ok);
  assert(judged({ codes: ["OK", "UNAVAILABLE", "DEADLINE_EXCEEDED"] }).ok);
});
