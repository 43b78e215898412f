import * as z from "zod";
import { parseDay, parseTimeZone, toToday } from "./dates.ts";
import { toMessage } from "./errors.ts";
import { byNearness, unquote } from "./matching.ts";
import { quote } from "./text.ts";

const MOST_UNKNOWN = 10;
const AS_DATE = "as created_since";
const MISSING_KEY =
  "issue_key is needed; to find an issue by its title call get_user_issue_list with keyword";

// Shared by the arguments that differ in their description only: a schema
// apiece takes 2 ms of the start and 2 MB more.
const NamesSchema = toListSchema('["a", "b"]');
const IdsSchema = toListSchema("[1, 2]");
const WordSchema = z
  .preprocess(toWord, z.string({ error: "give one text" }).optional())
  .optional();

/** `get_issue_details`; published plainly, read generously. */
export const IssueDetailsSchema = strict({
  issue_key: z.preprocess(toWord, z.string({ error: MISSING_KEY })).meta({
    type: "string",
    description:
      "PROJ-123, a numeric ID, or a pasted address of this space. PROJ-123#comment-456 centres on that comment; PROJ-123#description gives the description first",
  }),
  issue_title: plain("for reference only"),
  timezone: timeZone(),
});

/** `get_user_issue_list`, likewise. */
export const IssueListSchema = strict({
  project_keys: names("project keys or names"),
  assignee_names: names(
    "me (default), anyone, or a display name, login, mail address or unique name",
  ),
  status_names: names(
    "not closed (default), any, closed, Open (that one status only), In Progress, Resolved, also in Japanese (処理中), or a custom status",
  ),
  milestone_names: names("names or their beginnings, as for all names here"),
  issue_type_names: names("e.g. Bug"),
  category_names: names("e.g. Backend"),
  priority_names: names("High, Normal, Low"),
  created_user_names: names(
    "who reported it (default: anyone): me, or a name, login or mail address",
  ),
  parent_issue_keys: names(
    "PROJ-123: finds its children; the defaults still apply",
  ),
  project_ids: ids("numeric; IDs and names of one filter: either matches"),
  assignee_ids: ids("numeric user IDs"),
  status_ids: ids("1 Open, 2 In Progress, 3 Resolved, 4 Closed, or custom"),
  milestone_ids: ids("numeric"),
  parent_issue_ids: ids("numeric issue IDs"),
  keyword: plain("words in the text; the defaults still apply"),
  created_since: word(
    "YYYY-MM-DD, today, yesterday, or a distance such as -7d, +2w, -1m; inclusive",
  ),
  created_until: word(AS_DATE),
  updated_since: word(AS_DATE),
  updated_until: word(AS_DATE),
  start_date_since: word(AS_DATE),
  start_date_until: word(AS_DATE),
  due_date_since: word(AS_DATE),
  due_date_until: word(`${AS_DATE}; yesterday finds the overdue`),
  sort: choice(["updated", "created", "due_date", "priority", "status"], {
    default: "updated",
  }),
  order: choice(["asc", "desc"], {
    description: "default desc; asc for due_date",
  }),
  limit: integer({ minimum: 1, maximum: 500, or: 100 }),
  offset: integer({ minimum: 0, or: 0 }, "rows to skip"),
  timezone: timeZone(),
});

function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const named = issue.keys.slice(0, MOST_UNKNOWN).map((key) => {
        const nearest = nearestArgument(key, known);
        return `no argument ${quote(key)}; the nearest is ${nearest}`;
      });
      const more = issue.keys.length - named.length;
      return [...named, ...(more > 0 ? [`and ${more} more unknown`] : [])].join(
        "\n",
      );
    },
  });
}

// What other tools call it.
const ALIASES: Record<string, string> = {
  assigned_to: "assignee_names",
  include_closed: "status_names",
  id: "issue_key",
  key: "issue_key",
  max_results: "limit",
  count: "limit",
  page: "offset",
  q: "keyword",
  query: "keyword",
  search: "keyword",
  state: "status_names",
  text: "keyword",
  title: "keyword",
  tz: "timezone",
  user: "assignee_names",
};

/** The one that shares most words, such as due_date_until for due_until. */
function nearestArgument(key: string, known: readonly string[]) {
  const name = key.toLowerCase().replaceAll("-", "_");
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  if (alias !== undefined && known.includes(alias)) return alias;
  const words = name
    .split("_")
    .map((word) => ({ before: "until", after: "since" })[word] ?? word);
  const shared = (other: string) =>
    other.split("_").filter((word) => words.includes(word)).length;
  return byNearness(name, known, (other) => [other]).toSorted(
    (a, b) => shared(b) - shared(a),
  )[0];
}

function names(description: string) {
  const items = { type: "string" } as const;
  return NamesSchema.meta({ type: "array", items, description });
}

function ids(description: string) {
  const items = { type: "integer" } as const;
  return IdsSchema.meta({ type: "array", items, description });
}

function toListSchema(example: string) {
  const error = `give a list such as ${example}`;
  return z
    .preprocess(toWords, z.array(z.string({ error }), { error }).optional())
    .optional();
}

function word(description: string) {
  return WordSchema.meta({ type: "string", description });
}

function timeZone() {
  return z
    .preprocess(toWord, z.string({ error: "give one text" }).default("UTC"))
    .optional()
    .meta({
      type: "string",
      description: "the user's IANA time zone, e.g. Asia/Tokyo",
      default: "UTC",
    });
}

function plain(description: string) {
  return z
    .preprocess(toPlain, z.string({ error: "give one text" }).optional())
    .optional()
    .meta({ type: "string", description });
}

function choice<const Value extends string>(
  values: readonly Value[],
  published: { description?: string; default?: Value },
) {
  const known = z.enum(values, { error: `use one of ${values.join(", ")}` });
  return z
    .preprocess(
      (value) => {
        const given = toWord(value);
        return typeof given === "string" ? given.toLowerCase() : given;
      },
      published.default === undefined
        ? known.optional()
        : known.default(published.default),
    )
    .optional()
    .meta({ type: "string", enum: [...values], ...published });
}

function integer(
  { minimum, maximum, or }: { minimum: number; maximum?: number; or: number },
  description?: string,
) {
  const range =
    maximum === undefined ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
  const error = `use a whole number ${range}`;
  const most = maximum ?? Number.MAX_SAFE_INTEGER;
  return z
    .preprocess(
      toNumber,
      z.int({ error }).min(minimum, { error }).max(most, { error }).default(or),
    )
    .optional()
    .meta({
      type: "integer",
      // Undefined is left out: a bound of 9007199254740991 tells nobody anything.
      maximum,
      ...(description !== undefined && { description }),
    });
}

/** `[1,2]`, `"[1,2]"`, `"1,2"`, `1` and `"1"` as words; empty: not given. */
function toWords(value: unknown): unknown {
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

/** One word without quotes and spaces, full width read as ASCII. */
function toWord(given: unknown): unknown {
  const value = Array.isArray(given) && given.length === 1 ? given[0] : given;
  if (value === null) return undefined;
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return value;
  const text = unquote(value).normalize("NFKC");
  return text === "" ? undefined : text;
}

/** Text to search for is taken as it is. */
function toPlain(value: unknown): unknown {
  if (value === null || value === "") return undefined;
  return typeof value === "number" ? String(value) : value;
}

function toNumber(value: unknown): unknown {
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
}

/** A list's arguments, resolved as far as no request is needed. */
export interface ListArguments {
  choices: (filter: Filter) => Choices;
  dates: DateFilter[];
  keyword: string | undefined;
  sort: string;
  order: "asc" | "desc";
  limit: number;
  offset: number;
  timeZone: string;
  today: string;
}

/** Throws one error that names every argument at fault, each with its fix. */
export function parseListArguments(
  args: z.output<typeof IssueListSchema>,
  now: Date,
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
  const dates = DATES.flatMap(([field, since, until]) => {
    const read = (argument: typeof since | typeof until, end: string) => {
      const text = args[argument];
      if (text === undefined) return [];
      const day = attempt(argument, () => parseDay(text, today), undefined);
      return day === undefined
        ? []
        : [{ parameter: `${field}${end}`, argument, day }];
    };
    const found = [...read(since, "Since"), ...read(until, "Until")];
    const [first, second] = found;
    if (first && second && first.day > second.day) {
      problems.push(
        `${since} (${first.day}) is after ${until} (${second.day}): exchange them`,
      );
    }
    return found;
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const sort = args.sort ?? "updated";
  return {
    choices: (filter) => toChoices(args, filter),
    dates,
    keyword: args.keyword,
    sort,
    order: args.order ?? (sort === "due_date" ? "asc" : "desc"),
    limit: args.limit ?? 100,
    offset: args.offset ?? 0,
    timeZone,
    today,
  };
}

/** What a filter was given; a word among the IDs counts as a word. */
function toChoices(
  args: z.output<typeof IssueListSchema>,
  filter: Filter,
): Choices {
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
