import {
  addDays,
  isRelativeDay,
  parseDay,
  parseTimeZone,
  toToday,
} from "./dates.ts";
import { toMessage } from "./errors.ts";
import {
  type Condition,
  foldJoined,
  parseCondition,
  unquote,
} from "./matching.ts";
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

/** Digits become a number; anything else is left for the schema to refuse. */
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
 * the filter, which with an `Id` is Backlog's parameter, the label in an
 * answer, and the arguments that take words and IDs.
 */
export const FILTERS = [
  ["assignee", "assignee", "assignee_names", "assignee_ids"],
  ["status", "status", "status_names", "status_ids"],
  ["project", "project", "project_keys", "project_ids"],
  ["issueType", "type", "issue_type_names", undefined],
  ["category", "category", "category_names", undefined],
  ["milestone", "milestone", "milestone_names", "milestone_ids"],
  ["priority", "priority", "priority_names", undefined],
  ["createdUser", "created by", "created_user_names", undefined],
  ["parentIssue", "parent", "parent_issue_keys", "parent_issue_ids"],
] as const;
export type Filter = (typeof FILTERS)[number][0];

const DATES = ["created", "updated", "start_date", "due_date"] as const;

interface DateFilter {
  /** Backlog's name: `createdSince`. */
  parameter: string;
  /** Ours: `created_since`. */
  argument: string;
  day: string;
  /** As it was written, such as `this week`. */
  given: string;
}

type WordsArgument =
  | (typeof FILTERS)[number][2]
  | "count_by"
  | "custom_fields"
  | "history_by_names";
type IdsArgument = Exclude<(typeof FILTERS)[number][3], undefined>;
type DaysField = (typeof DATES)[number] | "history";
type TextArgument =
  | `${DaysField}_${"since" | "until"}`
  | "keyword"
  | "order"
  | "sort"
  | "timezone";

type Given<Argument extends string, Value> = {
  [Each in Argument]?: Value | undefined;
};
/** A list's arguments as the schema reads them: words and numbers. */
type GivenListArguments = Given<WordsArgument | IdsArgument, string[]> &
  Given<TextArgument, string> &
  Given<"limit" | "offset", number>;

/** The days in which something must have happened, and by whom. */
export interface HistoryArguments {
  since: string;
  until: string | undefined;
  /** Where only the other two were given. */
  isSinceDefault: boolean;
  /** `history_by_names`. */
  words: string[];
}

/** A name, and other words for it. */
type Synonyms = readonly [name: string, ...words: string[]];

/** What `count_by` takes. */
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
] as const satisfies Synonyms[];
export type Group = (typeof GROUPS)[number][0];

const SORTS = [
  ["updated", "update", "updated_at", "last_updated", "更新", "更新日"],
  ["created", "created_at", "newest", "oldest", "作成日", "登録日"],
  ["due_date", "due", "deadline", "期限", "期限日"],
  ["priority", "優先度"],
  ["status", "状態"],
] as const satisfies Synonyms[];
export type Sort = (typeof SORTS)[number][0];

// Some words for a sort have a direction, too.
const ORDERS = [
  ["asc", "ascending", "昇順", "oldest"],
  ["desc", "descending", "降順", "newest"],
] as const satisfies Synonyms[];

// What is overdue was due by yesterday.
const DUE = [
  ["none", "no_due_date", "なし", "期限なし", "期限日なし"],
  ["yesterday", "overdue", "期限切れ", "期限超過"],
] as const satisfies Synonyms[];

/** The name that is meant, however its words are joined, of one or of many. */
function findMeant<Names extends Synonyms>(
  text: string | undefined,
  table: readonly Names[],
): Names[0] | undefined {
  const wanted = foldJoined(text ?? "");
  return table.find((words) =>
    words.map(foldJoined).some((word) => [word, `${word}s`].includes(wanted)),
  )?.[0];
}

function parseMeant<Names extends Synonyms>(
  text: string,
  table: readonly Names[],
): Names[0] {
  const found = findMeant(text, table);
  if (found !== undefined) return found;
  throw new Error(`use one of ${table.map(([name]) => name).join(", ")}`);
}

/** A list's arguments, resolved as far as no request is needed. */
export interface ListArguments {
  choices: (filter: Filter) => Choices;
  dates: DateFilter[];
  /** Only issues without a due date. */
  noDueDate: boolean;
  customFields: Condition[];
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
  const { timezone = "UTC" } = args;
  const zone = attempt(problems, "timezone", () => parseTimeZone(timezone));
  const timeZone = zone ?? "UTC";
  const today = toToday(now, timeZone);
  const { words, ...days } = parseDays({ args, problems, today, timeZone });
  const countBy = attempt(problems, "count_by", () => parseGroups(args)) ?? [];
  const page = parsePage(args, problems);
  const customFields = parseConditions(args, problems);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const { history } = days;
  const dayWords = [...words, ...customFields.map(({ value }) => value)];
  const isTodayTold =
    args.timezone === undefined &&
    (countBy.includes("due") || dayWords.some(isRelativeDay));
  const isAnyone = countBy.length > 0 || args.history_by_names;
  return {
    ...days,
    ...page,
    choices: (filter) => toChoices(args, filter),
    customFields,
    countBy,
    defaults: {
      ...((history || countBy.includes("status")) && { status: "any" }),
      ...(isAnyone && { assignee: "anyone" }),
    },
    keyword: args.keyword,
    timeZone,
    today,
    todayTold: isTodayTold ? describeToday(now, machineZone) : undefined,
    notes: toNotes(args, { countBy, history }),
  };
}

/** What is wrong joins the problems, so that all are told at once. */
function attempt<Value>(problems: string[], name: string, read: () => Value) {
  try {
    return read();
  } catch (error) {
    problems.push(`${name}: ${toMessage(error)}`);
    return undefined;
  }
}

interface Reading extends Pick<ListArguments, "today" | "timeZone"> {
  args: GivenListArguments;
  problems: string[];
}

/** The days, and the words that tell whether they are others tomorrow. */
function parseDays(reading: Reading) {
  const { args, problems, today } = reading;
  const noDueDate = findMeant(args.due_date_until, DUE) === "none";
  if (noDueDate && args.due_date_since !== undefined) {
    problems.push(
      "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two",
    );
  }
  const dates = DATES.flatMap((field) => parseSpan(field, reading));
  const [since, until] = parseSpan("history", reading);
  const names = args.history_by_names;
  const history = (since || until || names) && {
    // Without a first day, the seven days up to the last or today.
    since: since?.day ?? addDays(until?.day ?? today, -6),
    until: until?.day,
    isSinceDefault: since === undefined,
    words: names ?? [],
  };
  const words = [...dates, since, until].map((date) => date?.word ?? "");
  // Seven days that nobody named end today.
  if (names && !since && !until) words.push("today");
  const given = dates.filter((date) => date !== undefined);
  return { dates: given, noDueDate, history, words };
}

function parseSpan(field: DaysField, reading: Reading) {
  const since = parseEnd(field, "since", reading);
  const until = parseEnd(field, "until", reading);
  if (since && until && since.day > until.day) {
    reading.problems.push(
      `${since.argument} (${since.day}) is after ${until.argument} (${until.day}): exchange them`,
    );
  }
  return [since, until] as const;
}

function parseEnd(
  field: DaysField,
  end: "since" | "until",
  { args, problems, ...clock }: Reading,
) {
  const argument = `${field}_${end}` as const;
  const given = args[argument];
  const meant = argument === "due_date_until" && findMeant(given, DUE);
  if (given === undefined || meant === "none") return undefined;
  const word = meant || given;
  const context = { ...clock, end };
  const day = attempt(problems, argument, () => parseDay(word, context));
  if (day === undefined) return undefined;
  const parameter = argument.replace(/_(\w)/g, (_, letter: string) =>
    letter.toUpperCase(),
  );
  return { parameter, argument, day, given, word };
}

function parsePage(args: GivenListArguments, problems: string[]) {
  const { sort = "updated", order } = args;
  const meant = attempt(problems, "sort", () => parseMeant(sort, SORTS));
  const direction =
    order === undefined
      ? findMeant(sort, ORDERS)
      : attempt(problems, "order", () => parseMeant(order, ORDERS));
  return {
    sort: meant ?? "updated",
    order: direction ?? (meant === "due_date" ? "asc" : "desc"),
    limit: Math.min(args.limit ?? 100, MOST_ROWS),
    offset: args.offset ?? 0,
  };
}

function parseConditions(args: GivenListArguments, problems: string[]) {
  return (args.custom_fields ?? []).flatMap((text) => {
    const name = `custom_fields ${quote(text)}`;
    return attempt(problems, name, () => parseCondition(text)) ?? [];
  });
}

function toNotes(
  { limit, offset, sort, order }: GivenListArguments,
  { countBy, history }: Pick<ListArguments, "countBy" | "history">,
): string[] {
  const isPage = [limit, offset, sort].some((given) => given !== undefined);
  return [
    ...(limit !== undefined && limit > MOST_ROWS
      ? [`limit ${limit} was taken for ${MOST_ROWS}, the most of one call.`]
      : []),
    ...(countBy.length > 0 && isPage
      ? ["limit, offset and sort do not matter: count_by counts all."]
      : []),
    ...(history && (sort ?? order) !== undefined
      ? ["sort does not matter: history_… tells the newest activity first."]
      : []),
  ];
}

function parseGroups(args: GivenListArguments): Group[] {
  const groups = (args.count_by ?? []).map((word) => {
    const group = findMeant(word, GROUPS);
    if (group !== undefined) return group;
    throw new Error(
      `${quote(word)} is nothing to count by; use one or two of ${GROUPS.map(([name]) => name).join(", ")}`,
    );
  });
  const each = [...new Set(groups)];
  if (each.length > 2) {
    throw new Error(`${each.join(", ")} are ${each.length}; use one or two`);
  }
  const { history_since, history_until, history_by_names } = args;
  if (each.length > 0 && (history_since ?? history_until ?? history_by_names)) {
    throw new Error(
      "it counts issues, and history_… tells what happened in them: ask for one of the two",
    );
  }
  return each;
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

/** What a filter was given; a word among the IDs counts as a word. */
function toChoices(args: GivenListArguments, filter: Filter): Choices {
  const [, , inWords, inNumbers] =
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
