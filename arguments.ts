import {
  addDays,
  type DayContext,
  parseDay,
  parseTimeZone,
  toToday,
} from "./dates.ts";
import { toMessage } from "./errors.ts";
import { fold, unquote } from "./matching.ts";
import { quote } from "./text.ts";

/** More rows than an answer can hold are never asked for. */
const MOST_ROWS = 500;

/** `[1,2]`, `"[1,2]"`, `"1,2"`, `1` and `"1"` as words; empty: not given. */
export function toWords(value: unknown): unknown {
  const items = toItems(value);
  if (!Array.isArray(items)) return items;
  const found = items.map((item) =>
    typeof item === "number" ? String(item) : item,
  );
  const kept = found.filter((item) =>
    typeof item === "string" ? unquote(item) !== "" : item !== null,
  );
  return kept.length === 0 ? undefined : kept;
}

function toItems(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number") return [value];
  if (typeof value !== "string") return value;
  const text = value.trim();
  if (text.startsWith("[")) {
    try {
      return JSON.parse(text);
    } catch {
      // Not JSON after all: names without quotes, or one with a bracket.
    }
  }
  const bare = /^\[[^[]*\]$/.test(text) ? text.slice(1, -1) : text;
  // A comma within quotes belongs to the name.
  return bare.match(/"[^"]*"|“[^”]*”|「[^」]*」|[^,，、]+/g) ?? [];
}

/** Conditions on custom fields: a plain text is one, its commas included. */
export function toConditions(value: unknown): unknown {
  const isOne = typeof value === "string" && !value.trim().startsWith("[");
  return toWords(isOne ? [value] : value);
}

/** One word without quotes and spaces, full width read as ASCII. */
export function toWord(given: unknown): unknown {
  const value = Array.isArray(given) && given.length === 1 ? given[0] : given;
  if (value === null) return undefined;
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return value;
  const text = unquote(value).normalize("NFKC");
  return text === "" ? undefined : text;
}

/** Text to search for is taken as it is. */
export function toPlain(value: unknown): unknown {
  if (value === null || value === "") return undefined;
  return typeof value === "number" ? String(value) : value;
}

export function toNumber(value: unknown): unknown {
  const given = toWord(value);
  return typeof given === "string" && /^[+-]?\d{1,15}$/.test(given)
    ? Number(given)
    : given;
}

/** What a filter names, in numbers and in words; either may match. */
export interface Choices {
  ids: number[];
  words: string[];
}

/**
 * The one table of the filters, in the order in which an answer tells them:
 * the filter, Backlog's parameter, the label in an answer, and the arguments
 * that take words and IDs.
 */
export const FILTERS = [
  ["assignee", "assigneeId", "assignee", "assignee_names", "assignee_ids"],
  ["status", "statusId", "status", "status_names", "status_ids"],
  ["project", "projectId", "project", "project_keys", "project_ids"],
  ["issueType", "issueTypeId", "type", "issue_type_names", undefined],
  ["category", "categoryId", "category", "category_names", undefined],
  ["milestone", "milestoneId", "milestone", "milestone_names", "milestone_ids"],
  ["priority", "priorityId", "priority", "priority_names", undefined],
  [
    "createdUser",
    "createdUserId",
    "created by",
    "created_user_names",
    undefined,
  ],
  [
    "parentIssue",
    "parentIssueId",
    "parent",
    "parent_issue_keys",
    "parent_issue_ids",
  ],
] as const;
export type Filter = (typeof FILTERS)[number][0];

/** The argument that takes this filter's words. */
export function toArgument(filter: Filter): string {
  return FILTERS.find(([name]) => name === filter)?.[3] ?? filter;
}

const DATES = [
  ["created", "created_since", "created_until"],
  ["updated", "updated_since", "updated_until"],
  ["startDate", "start_date_since", "start_date_until"],
  ["dueDate", "due_date_since", "due_date_until"],
] as const;

export interface DateFilter {
  /** Backlog's name: `createdSince`. */
  parameter: string;
  /** Ours: `created_since`. */
  argument: string;
  day: string;
  /** As it was written, such as `this week`. */
  given: string;
}

type WordsArgument = (typeof FILTERS)[number][3];
type IdsArgument = Exclude<(typeof FILTERS)[number][4], undefined>;
type DateArgument = (typeof DATES)[number][1 | 2];
type HistoryDay = "history_since" | "history_until";

/** A list's arguments as the schema reads them: words and numbers. */
export type GivenListArguments = {
  [Argument in
    | WordsArgument
    | IdsArgument
    | "count_by"
    | "custom_fields"
    | "history_by_names"]?: string[] | undefined;
} & {
  [Argument in
    | DateArgument
    | HistoryDay
    | "keyword"
    | "order"
    | "sort"
    | "timezone"]?: string | undefined;
} & { limit?: number | undefined; offset?: number | undefined };

/** The days in which something must have happened, and by whom. */
export interface HistoryArguments {
  since: string;
  until: string | undefined;
  /** Where only the other two were given. */
  isSinceDefault: boolean;
  /** `history_by_names`. */
  words: string[];
}

/** What `count_by` takes, and other words for it. */
const GROUPS = [
  ["project"],
  ["assignee", "person", "people", "member", "担当者"],
  ["status", "state", "状態"],
  ["type", "issue_type", "種別"],
  ["priority", "優先度"],
  ["milestone", "マイルストーン"],
  ["category", "カテゴリー", "カテゴリ"],
  ["created_by", "created_user", "creator", "reporter", "登録者"],
  ["due", "due_date", "期限", "期限日"],
] as const;
export type Group = (typeof GROUPS)[number][0];

/** A list's arguments, resolved as far as no request is needed. */
export interface ListArguments {
  choices: (filter: Filter) => Choices;
  dates: DateFilter[];
  /** Only issues without a due date. */
  noDueDate: boolean;
  /** Conditions such as `Cost>=100`, as they were written. */
  customFields: string[];
  history: HistoryArguments | undefined;
  /** What issues are counted by, instead of being listed; one or two. */
  countBy: Group[];
  /** What a filter that is not given is lifted to, where a question asks so. */
  defaults: Partial<Record<Filter, string>>;
  keyword: string | undefined;
  sort: Sort;
  order: "asc" | "desc";
  limit: number;
  offset: number;
  timeZone: string;
  today: string;
  /** Which day that is, where it decides and nobody gave a time zone. */
  todayTold: string | undefined;
  /** What was taken for what. */
  notes: string[];
}

/** Throws one error that names every argument at fault, each with its fix. */
export function parseListArguments(
  args: GivenListArguments,
  now: Date,
  machineZone?: string,
): ListArguments {
  const problems: string[] = [];
  const attempt = <Value>(name: string, read: () => Value, or: Value) => {
    try {
      return read();
    } catch (error) {
      problems.push(`${name}: ${toMessage(error)}`);
      return or;
    }
  };
  const timeZone = attempt(
    "timezone",
    () => parseTimeZone(args.timezone ?? "UTC"),
    "UTC",
  );
  const today = toToday(now, timeZone);
  const noDueDate = isNoDueDate(args.due_date_until);
  if (noDueDate && args.due_date_since !== undefined) {
    problems.push(
      "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two",
    );
  }
  const readDay = (
    argument: DateArgument | HistoryDay,
    end: DayContext["end"],
  ) => {
    const given = args[argument];
    if (given === undefined || (noDueDate && argument === "due_date_until")) {
      return undefined;
    }
    const context = { today, timeZone, end };
    const day = attempt(argument, () => parseDay(given, context), undefined);
    return day === undefined ? undefined : { argument, day, given };
  };
  const readDays = (
    since: DateArgument | HistoryDay,
    until: DateArgument | HistoryDay,
  ) => {
    const [first, last] = [readDay(since, "since"), readDay(until, "until")];
    if (first && last && first.day > last.day) {
      problems.push(
        `${since} (${first.day}) is after ${until} (${last.day}): exchange them`,
      );
    }
    return [first, last];
  };
  const dates = DATES.flatMap(([field, since, until]) => {
    const [first, last] = readDays(since, until);
    return [
      ...(first ? [{ ...first, parameter: `${field}Since` }] : []),
      ...(last ? [{ ...last, parameter: `${field}Until` }] : []),
    ];
  });
  const [since, until] = readDays("history_since", "history_until");
  const history = toHistory(args, {
    since: since?.day ?? addDays(until?.day ?? today, -6),
    until: until?.day,
    isSinceDefault: since === undefined,
  });
  const countBy = attempt("count_by", () => parseGroups(args), []);
  const sorted = attempt("sort", () => parseSort(args.sort ?? "updated"), {
    sort: "updated",
  });
  const order = attempt("order", () => parseOrder(args.order), undefined);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const { limit = 100 } = args;
  return {
    choices: (filter) => toChoices(args, filter),
    dates,
    noDueDate,
    customFields: args.custom_fields ?? [],
    history,
    countBy,
    defaults: {
      ...((history || countBy.includes("status")) && { status: "any" }),
      ...((countBy.length > 0 || (history && history.words.length > 0)) && {
        assignee: "anyone",
      }),
    },
    keyword: args.keyword,
    sort: sorted.sort,
    order:
      order ?? sorted.order ?? (sorted.sort === "due_date" ? "asc" : "desc"),
    limit: Math.min(limit, MOST_ROWS),
    offset: args.offset ?? 0,
    timeZone,
    today,
    todayTold:
      args.timezone === undefined &&
      (countBy.includes("due") ||
        [...dates, since, until].some((day) => day && dependsOnToday(day)))
        ? describeToday(now, machineZone)
        : undefined,
    notes: [
      ...(limit > MOST_ROWS
        ? [`limit ${limit} was taken for ${MOST_ROWS}, the most of one call.`]
        : []),
      ...(countBy.length > 0 && isAnyGiven(args, ["limit", "offset", "sort"])
        ? ["limit, offset and sort do not matter: count_by counts all."]
        : []),
    ],
  };
}

/** Without a first day, the seven days up to the last or today. */
function toHistory(
  args: GivenListArguments,
  days: Omit<HistoryArguments, "words">,
): HistoryArguments | undefined {
  const { history_since, history_until, history_by_names: words } = args;
  const isAsked = [history_since, history_until, words].some(
    (given) => given !== undefined,
  );
  return isAsked ? { ...days, words: words ?? [] } : undefined;
}

function parseGroups(args: GivenListArguments): Group[] {
  const groups = (args.count_by ?? []).map((word) => {
    const wanted = fold(unquote(word)).replace(/[\s-]/g, "_");
    const names = GROUPS.find((words) =>
      words.some((name) => name === wanted || `${name}s` === wanted),
    );
    if (names) return names[0];
    throw new Error(
      `${quote(word)} is nothing to count by; use one or two of ${GROUPS.map(([name]) => name).join(", ")}`,
    );
  });
  const each = [...new Set(groups)];
  if (each.length > 2) {
    throw new Error("use one or two; for more ask again");
  }
  const history = Object.keys(args).filter((name) =>
    name.startsWith("history_"),
  );
  if (each.length > 0 && isAnyGiven(args, history)) {
    throw new Error(
      "it counts issues, and history_… tells what happened in them: ask for one of the two",
    );
  }
  return each;
}

function isAnyGiven(args: object, names: readonly string[]): boolean {
  return Object.entries(args).some(
    ([name, value]) => value !== undefined && names.includes(name),
  );
}

/** What begins with a year is the same day on any day. */
function dependsOnToday({ given }: { given: string }): boolean {
  return !/^\d{4}[-/.年\d]/.test(given);
}

function describeToday(now: Date, machineZone: string | undefined): string {
  const today = toToday(now, "UTC");
  const there = machineZone && toToday(now, machineZone);
  const differs =
    there === undefined || there === today
      ? ""
      : `; this machine is in ${machineZone}, where it is ${there}`;
  return `today is ${today} in UTC (timezone not given${differs})`;
}

const NO_DUE_DATE = ["none", "no due date", "なし", "期限なし", "期限日なし"];

function isNoDueDate(text: string | undefined): boolean {
  return text !== undefined && NO_DUE_DATE.includes(fold(text));
}

// The words for an order, and the direction that some of them have.
const SORTS = {
  updated: ["updated", "update", "updatedat", "lastupdated", "更新", "更新日"],
  created: ["created", "createdat", "newest", "oldest", "作成日", "登録日"],
  due_date: ["duedate", "due", "deadline", "期限", "期限日"],
  priority: ["priority", "優先度"],
  status: ["status", "状態"],
} as const;
export type Sort = keyof typeof SORTS;
const DIRECTIONS: Record<string, "asc" | "desc"> = {
  newest: "desc",
  oldest: "asc",
};

function parseSort(text: string): { sort: Sort; order?: "asc" | "desc" } {
  const word = fold(text).replace(/[\s_-]/g, "");
  for (const sort of SORT_NAMES) {
    if (!SORTS[sort].some((known) => known === word)) continue;
    const order = Object.hasOwn(DIRECTIONS, word)
      ? DIRECTIONS[word]
      : undefined;
    return { sort, ...(order && { order }) };
  }
  throw new Error(`use one of ${SORT_NAMES.join(", ")}`);
}

const SORT_NAMES = [
  "updated",
  "created",
  "due_date",
  "priority",
  "status",
] as const;

const ORDERS: Record<string, "asc" | "desc"> = {
  asc: "asc",
  ascending: "asc",
  昇順: "asc",
  desc: "desc",
  descending: "desc",
  降順: "desc",
};

function parseOrder(text: string | undefined): "asc" | "desc" | undefined {
  if (text === undefined) return undefined;
  const word = fold(text);
  if (!Object.hasOwn(ORDERS, word)) throw new Error("use one of asc, desc");
  return ORDERS[word];
}

/** What a filter was given; a word among the IDs counts as a word. */
function toChoices(args: GivenListArguments, filter: Filter): Choices {
  const [, , , inWords, inNumbers] =
    FILTERS.find(([name]) => name === filter) ?? FILTERS[0];
  const items = inNumbers ? (args[inNumbers] ?? []) : [];
  const others = items.filter((item) => toId(item) === undefined);
  return {
    words: [...(args[inWords] ?? []), ...others],
    ids: items.flatMap((item) => toId(item) ?? []),
  };
}

function toId(text: string): number | undefined {
  const digits = unquote(text).normalize("NFKC");
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
