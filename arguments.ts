import {
  addDays,
  isRelativeDay,
  parseDay,
  parseTimeZone,
  toToday,
} from "./dates.ts";
import { toMessage } from "./errors.ts";
import { foldJoined, unquote } from "./matching.ts";
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

const NO_DUE_DATE = [
  ["none", "no_due_date", "なし", "期限なし", "期限日なし"],
] as const satisfies Synonyms[];

const YESTERDAY = [
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
  const attempt = <Value>(name: string, read: () => Value) => {
    try {
      return read();
    } catch (error) {
      problems.push(`${name}: ${toMessage(error)}`);
      return undefined;
    }
  };
  const timeZone =
    attempt("timezone", () => parseTimeZone(args.timezone ?? "UTC")) ?? "UTC";
  const today = toToday(now, timeZone);
  const noDueDate = findMeant(args.due_date_until, NO_DUE_DATE) !== undefined;
  if (noDueDate && args.due_date_since !== undefined) {
    problems.push(
      "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two",
    );
  }
  const readDays = (field: DaysField) => {
    const [since, until] = (["since", "until"] as const).map((end) => {
      const argument = `${field}_${end}` as const;
      const given = args[argument];
      const isDay = !(noDueDate && argument === "due_date_until");
      if (given === undefined || !isDay) return undefined;
      const context = { today, timeZone, end };
      // What is overdue was due by then.
      const isDue = argument === "due_date_until";
      const word = (isDue && findMeant(given, YESTERDAY)) || given;
      const day = attempt(argument, () => parseDay(word, context));
      const parameter = argument.replace(/_(\w)/g, (_, letter: string) =>
        letter.toUpperCase(),
      );
      return day === undefined
        ? undefined
        : { parameter, argument, day, given, word };
    });
    if (since && until && since.day > until.day) {
      problems.push(
        `${since.argument} (${since.day}) is after ${until.argument} (${until.day}): exchange them`,
      );
    }
    return { since, until };
  };
  const dates = DATES.map(readDays)
    .flatMap(({ since, until }) => [since, until])
    .filter((date) => date !== undefined);
  const { since, until } = readDays("history");
  const words = args.history_by_names;
  const history = (since || until || words) && {
    // Without a first day, the seven days up to the last or today.
    since: since?.day ?? addDays(until?.day ?? today, -6),
    until: until?.day,
    isSinceDefault: since === undefined,
    words: words ?? [],
  };
  const countBy = attempt("count_by", () => parseGroups(args)) ?? [];
  const sort =
    attempt("sort", () => parseMeant(args.sort ?? "updated", SORTS)) ??
    "updated";
  const order =
    args.order === undefined
      ? findMeant(args.sort, ORDERS)
      : attempt("order", () => parseMeant(args.order ?? "", ORDERS));
  const customFields = (args.custom_fields ?? []).flatMap(
    (text) =>
      attempt(`custom_fields ${quote(text)}`, () => parseCondition(text)) ?? [],
  );
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const days = [
    ...[...dates, since, until].map((date) => date?.word ?? ""),
    ...customFields.map(({ value }) => value),
    // Seven days that nobody named end today.
    ...(words && !since && !until ? ["today"] : []),
  ];
  return {
    choices: (filter) => toChoices(args, filter),
    dates,
    noDueDate,
    customFields,
    history,
    countBy,
    defaults: {
      ...((history || countBy.includes("status")) && { status: "any" }),
      ...((countBy.length > 0 || words) && { assignee: "anyone" }),
    },
    keyword: args.keyword,
    sort,
    order: order ?? (sort === "due_date" ? "asc" : "desc"),
    limit: Math.min(args.limit ?? 100, MOST_ROWS),
    offset: args.offset ?? 0,
    timeZone,
    today,
    todayTold:
      args.timezone === undefined &&
      (countBy.includes("due") || days.some(isRelativeDay))
        ? describeToday(now, machineZone)
        : undefined,
    notes: toNotes(args, { countBy, history }),
  };
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

const OPERATORS = [
  ["=", "=="],
  [">=", "≧", "≥"],
  ["<=", "≦", "≤"],
] as const;

/** A condition on a custom field, such as `Cost>=100`. */
export interface Condition {
  /** As it was written, for errors. */
  text: string;
  field: string;
  operator: (typeof OPERATORS)[number][0];
  value: string;
}

const CONDITION =
  /^(.+?)\s*([!！][=＝]|≠|[>＞][=＝]?|[<＜][=＝>＞]?|[≧≥≦≤]|[=＝]{1,2})\s*(.*)$/su;

/** Throws where Backlog has no search for it. */
function parseCondition(text: string): Condition {
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
  const operator = OPERATORS.find((signs) =>
    signs.some((one) => one === sign.normalize("NFKC")),
  )?.[0];
  if (operator === undefined) {
    throw new Error(
      /^[<>＜＞]$/.test(sign)
        ? "use >= or <=, which include the value itself"
        : "Backlog cannot search for what is not so; use =, >= or <=",
    );
  }
  return { text, field: unquote(field), operator, value: unquote(value) };
}
