import { formatSome, quote, toName } from "./text.ts";

const MOST_CHOICES = 30;

/** Something a word may mean. */
export interface Candidate {
  ids: number[];
  /** What it is called, the name to show first. */
  names: string[];
  /** What of its names means it as a whole word: a family or given name. */
  words?: string[];
  /** How a list of choices shows it, where the name alone is not enough. */
  label?: string;
}

/** Without regard to case, width and the number of spaces. */
export function fold(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s\u3000]+/gu, " ")
    .trim();
}

/** However its words are joined: `not closed`, `not_closed`, `NotClosed`. */
export function foldJoined(text: string): string {
  return fold(unquote(text)).replace(/[\s_-]/g, "");
}

const QUOTES = ['""', "''", "``", "“”", "‘’", "「」", "『』", "＂＂", "＇＇"];

/** Without the spaces and one pair of quotes around it. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  const ends = `${trimmed[0]}${trimmed.at(-1)}`;
  return trimmed.length > 1 && QUOTES.includes(ends)
    ? trimmed.slice(1, -1).trim()
    : trimmed;
}

/**
 * Those that the word means: exactly; else ignoring case and width; by a whole
 * word; by their beginning; by their ID.
 */
export function match<Item extends Candidate>(
  word: string,
  candidates: readonly Item[],
): Item[] {
  const exact = unquote(word);
  const folded = fold(exact);
  if (folded === "") return [];
  const tests: ((candidate: Candidate) => boolean)[] = [
    ({ names }) => names.includes(word.trim()) || names.includes(exact),
    ({ names }) => names.some((name) => fold(name) === folded),
    ({ words = [] }) => words.some((name) => fold(name) === folded),
    ({ names }) => names.some((name) => fold(name).startsWith(folded)),
    ({ ids }) => ids.map(String).includes(folded),
  ];
  for (const test of tests) {
    const found = candidates.filter(test);
    if (found.length > 0) return found;
  }
  return [];
}

/** Nearest to the word first; what is not near at all keeps its order. */
function byNearness<Item>(
  word: string,
  items: readonly Item[],
  toNames: (item: Item) => readonly string[],
): Item[] {
  return items
    .map((item) => ({
      item,
      distance: Math.min(...toNames(item).map((name) => distance(word, name))),
    }))
    .sort((a, b) => (a.distance === b.distance ? 0 : a.distance - b.distance))
    .map(({ item }) => item);
}

/** The one that is nearest; undefined where none is near. */
export function nearest(
  word: string,
  names: readonly string[],
): string | undefined {
  const [first] = byNearness(word, names, (name) => [name]);
  return first !== undefined && isNear(word, first) ? first : undefined;
}

/** Whether two titles plainly are not the same one, however abridged. */
export function differsPlainly(a: string, b: string): boolean {
  const bare = (text: string) => fold(text).replace(/[^\p{L}\p{N}]/gu, "");
  const [one, other] = [bare(a), bare(b)];
  return one !== "" && other !== "" && !isNear(one, other);
}

function isNear(a: string, b: string): boolean {
  return Number.isFinite(distance(a, b));
}

/** In edits; infinite where two names have hardly anything in common. */
function distance(a: string, b: string): number {
  const [one, other] = [fold(a), fold(b)];
  if (one === "" || other === "") return Number.POSITIVE_INFINITY;
  if (one.includes(other) || other.includes(one)) return 0;
  // The work grows with the square of the length.
  const [from, to] = [[...one].slice(0, 60), [...other].slice(0, 60)];
  const edits = countEdits(from, to);
  return edits <= Math.max(from.length, to.length) / 2
    ? edits
    : Number.POSITIVE_INFINITY;
}

/** Levenshtein's: insertions, deletions and replacements. */
function countEdits(from: readonly string[], to: readonly string[]): number {
  let previous = to.map((_, index) => index + 1);
  from.forEach((character, row) => {
    let diagonal = row;
    let left = row + 1;
    previous = to.map((other, column) => {
      const above = previous[column] ?? 0;
      const replaced = diagonal + (character === other ? 0 : 1);
      left = Math.min(left + 1, above + 1, replaced);
      diagonal = above;
      return left;
    });
  });
  return previous.at(-1) ?? from.length;
}

/** A word that fits nothing, or too much; the model can mend it. */
export class WordProblem extends Error {
  constructor(
    message: string,
    /** Whether a word fits nothing that may be shown. */
    readonly isUnknown = false,
  ) {
    super(message);
  }
}

/** How an error names what was looked for. */
interface Wording {
  singular: string;
  plural: string;
  /** ` in WEB`. */
  scope: string;
  /** Where several fit. */
  advice?: string;
  /** Behind the choices: what is understood besides. */
  besides?: string;
}

/** One candidate a word. Throws a WordProblem that lists what there is. */
export function matchAll<Item extends Candidate>(
  words: readonly string[],
  candidates: readonly Item[],
  wording: Wording,
): Item[] {
  const { singular, plural, scope, besides = "" } = wording;
  const { advice = "Give the whole name." } = wording;
  const problems: string[] = [];
  let isUnknown = false;
  const list = (title: string, choices: readonly Candidate[]) =>
    listLabels(
      title,
      choices.map(({ label, names: [name = ""] }) => label ?? toName(name)),
    );
  const found = words.flatMap((word) => {
    const meant = match(word, candidates);
    if (meant.length === 1) return meant;
    isUnknown ||= meant.length === 0;
    // Sorting takes long where there are thousands, and no error is so long
    // that a fourth list would be seen.
    const near = () =>
      problems.length < 3
        ? byNearness(word, candidates, ({ names }) => names)
        : candidates;
    problems.push(
      meant.length === 0
        ? `No ${singular} ${quote(word)}${scope}. ${list(plural, near())}${besides}`
        : `${list(`${quote(word)} fits ${meant.length} ${plural.toLowerCase()}${scope}`, meant)} ${advice}`,
    );
    return [];
  });
  if (problems.length > 0) {
    throw new WordProblem(problems.join("\n"), isUnknown);
  }
  return found;
}

/** `Statuses: Open, Closed and 12 more.` */
export function listLabels(title: string, labels: readonly string[]): string {
  if (labels.length === 0) return `${title}: none.`;
  return `${title}: ${formatSome(labels, MOST_CHOICES)}.`;
}

const MOST_UNKNOWN = 10;
// What people and other tools call it: understood, and said back.
const ALIASES: Record<string, string> = {
  status: "status_names",
  assignee: "assignee_names",
  priority: "priority_names",
  project: "project_keys",
  query: "keyword",
  issueKey: "issue_key",
  key: "issue_key",
};

/**
 * The arguments under their own names, with what was taken for what. Throws
 * where an alias stands beside the argument that it would be taken for.
 */
export function takeAliases(
  args: Record<string, unknown>,
  known: readonly string[],
): { args: Record<string, unknown>; notes: string[] } {
  const notes: string[] = [];
  const taken = Object.entries(args).map(([name, value]) => {
    const meant = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
    if (meant === undefined || !known.includes(meant)) return [name, value];
    if (meant in args) {
      throw new Error(`${name} stands beside ${meant}: give ${meant} alone`);
    }
    notes.push(`${name} was taken for ${meant}.`);
    return [meant, value];
  });
  return { args: Object.fromEntries(taken), notes };
}

// Words for what an argument does, where no argument is called so.
const HINTS: readonly (readonly [hint: string, words: string])[] = [
  ["assignee_names", "assigned_to user"],
  ['assignee_names ["nobody"]', "unassigned"],
  ['due_date_until "yesterday"', "overdue"],
  ["keyword", "q search text title"],
  ["limit", "count max_results"],
  ["offset", "page"],
  ["status_names", "state"],
  ['status_names ["any"]', "include_closed"],
  ['status_names ["closed"]', "closed"],
  ["timezone", "tz"],
];

/** A line for each argument that there is not, with the nearest that there is. */
export function describeUnknown(
  keys: readonly string[],
  known: readonly string[],
): string {
  const shown = keys.slice(0, MOST_UNKNOWN);
  const hints = shown.map((key) => findArgument(key, known));
  const lines = shown.map((key, index) =>
    [`no argument ${quote(key)}`, hints[index] ?? []].flat().join("; "),
  );
  const more = keys.length - shown.length;
  if (more > 0) lines.push(`and ${more} more unknown`);
  if (hints.includes(undefined)) {
    lines.push(`the arguments are ${formatSome(known, MOST_UNKNOWN)}`);
  }
  return lines.join("\n");
}

// Too common among the names to tell one from another.
const COMMON = ["date", "ids", "issue", "names", "keys"];

/** The one that shares most words, such as due_date_until for dueUntil. */
function findArgument(
  key: string,
  known: readonly string[],
): string | undefined {
  const name = key
    .slice(0, 60)
    .replace(/(?<=[a-z])(?=[A-Z])/g, "_")
    .toLowerCase()
    .replaceAll("-", "_");
  if (/^(issue_)?(key|id)$/.test(name) && !known.includes("issue_key")) {
    return "get_issue_details reads one issue";
  }
  const [hint = ""] =
    HINTS.find(([, words]) => words.split(" ").includes(name)) ?? [];
  const [argument = ""] = hint.split(" ");
  if (known.includes(argument)) return `use ${hint}`;
  const words = name
    .split("_")
    .map((word) => ({ before: "until", after: "since" })[word] ?? word);
  const toShared = (other: string) => {
    const shared = other.split("_").filter((word) => words.includes(word));
    const telling = shared.filter((word) => !COMMON.includes(word));
    return telling.length * 10 + shared.length;
  };
  const [best = ""] = byNearness(name, known, (other) => [other]).sort(
    (a, b) => toShared(b) - toShared(a),
  );
  return toShared(best) >= 10 || isNear(name, best)
    ? `the nearest is ${best}`
    : undefined;
}

const OPERATORS = ["=", ">=", "<="] as const;

/** A condition on a custom field, such as `Cost>=100`. */
export interface Condition {
  /** As it was written, for errors. */
  text: string;
  field: string;
  operator: (typeof OPERATORS)[number];
  value: string;
}

const CONDITION =
  /^(.+?)\s*([!！][=＝]|≠|[>＞][=＝]?|[<＜][=＝>＞]?|[≧≥≦≤]|[=＝]{1,2})\s*(.*)$/su;

/** Throws where Backlog has no search for it. */
export function parseCondition(text: string): Condition {
  // Quotes may stand around it all, or around either side.
  const bare = unquote(text);
  const [, field = "", sign = "", value = ""] =
    CONDITION.exec(/["“”「」]/.test(bare) ? text : bare) ?? [];
  if (sign === "") {
    throw new Error(
      'give a field, =, >= or <=, and a value, as in "Cost>=100"',
    );
  }
  if (unquote(value) === "") {
    throw new Error("Backlog cannot search for what is empty; give a value");
  }
  const plain = sign.normalize("NFKC").replace("==", "=");
  const meant = plain.replace(/[≧≥]/, ">=").replace(/[≦≤]/, "<=");
  const operator = OPERATORS.find((one) => one === meant);
  if (operator === undefined) {
    throw new Error(
      /^[<>＜＞]$/.test(sign)
        ? "use >= or <=, which include the value itself"
        : "Backlog cannot search for what is not so; use =, >= or <=",
    );
  }
  return { text, field: unquote(field), operator, value: unquote(value) };
}
