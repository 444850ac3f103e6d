import { whyNoStrace } from "../support/powerloss/strace.ts";
import { testsThatNeed } from "../support/required.ts";

/** A test that needs strace. */
export const powerlossTest = testsThatNeed({
  missing: await whyNoStrace(),
  requiredBy: "TEST_REQUIRE_STRACE",
  cannot: "Cannot lose power",
});
