/**
 * What a PromQL expression refers to: metrics, label matchers, grouping labels.
 *
 * Enough for rules and dashboards of this repository, which promtool has parsed
 * before. Not promised: strings outside of matchers, or recording rules.
 */

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface References {
  readonly selectors: readonly Selector[];
  /** Of `by`, `on`, `ignoring` and their like. */
  readonly grouping: readonly string[];
}

const GROUPING =
  /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const RANGE = /\[[^\]]*\]/g;
const SELECTOR = /([A-Za-z_:][\w:]*)\s*(\{[^}]*\})?(?!\s*\(|[\w:])/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
const OPERATORS = new Set(["and", "or", "unless", "bool", "offset", "by"]);

export function references(expression: string): References {
  const grouping = [...expression.matchAll(GROUPING)].flatMap(([, list = ""]) =>
    list.split(",").map((label) => label.trim()).filter((label) => label !== "")
  );
  const bare = expression.replace(GROUPING, " ").replace(RANGE, " ");
  const selectors = [...bare.matchAll(SELECTOR)]
    .filter(([, metric = ""]) => !OPERATORS.has(metric))
    .map(([, metric = "", braces = ""]) => ({
      metric,
      matchers: [...braces.matchAll(MATCHER)].map((
        [, label = "", operator = "", value = ""],
      ) => ({ label, operator, value })),
    }));
  return { selectors, grouping };
}
