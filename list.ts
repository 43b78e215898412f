import {
  FILTERS,
  type Filter,
  type HistoryArguments,
  type ListArguments,
} from "./arguments.ts";
import type { BacklogCall, Query } from "./backlog.ts";
import { addDays, startOfDay } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { listInstants } from "./facts.ts";
import { readHistory } from "./history.ts";
import {
  type IssueList,
  type ListFilter,
  measureTold,
  roomForRows,
  toCapacity,
} from "./list-text.ts";
import type { Me } from "./lookup.ts";
import {
  describeNotClosed,
  type ResolvedFilter,
  type ResolvedNames,
  resolveNames,
} from "./names.ts";
import type { Found } from "./pages.ts";
import type { IssueRow } from "./responses.ts";
import { MOST_READ, type Search, searchIssues } from "./search.ts";
import type { Tally } from "./tally.ts";
import { toName } from "./text.ts";

/** The issues that match, their true total, and how to get the others. */
export async function getUserIssueList(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
): Promise<IssueList> {
  const resolved = await resolveNames(call, args, getMe);
  const showsCreated =
    args.sort === "created" ||
    args.dates.some(({ argument }) => argument.startsWith("created"));
  const customFields = resolved.custom?.columns ?? [];
  const search: Search = {
    ...toSearch(args, resolved),
    capacity: (rows) => toCapacity(rows, args, { showsCreated, customFields }),
  };
  const zone = askZone(call, args);
  if (args.history) {
    const asked = { args, resolved, search, zone };
    return await getHistory(call, asked, args.history);
  }
  const [{ found, isLifted }, daysIn] = await Promise.all([
    searchFitting(search, resolved, (search) => searchIssues(call, search)),
    zone,
  ]);
  if (found.total === 0 && /\S\s+\S/.test(args.keyword ?? "")) {
    call.notes.add(
      "Backlog most likely looks for all words of keyword at once: try fewer words.",
    );
  }
  const toIssue = ({ issue }: Found["rows"][number]) => issue;
  const fitting = { ...resolved, isLifted };
  const { kept, unfit } = keepFitting(found.rows, toIssue, fitting);
  const issues = kept.map(toIssue);
  const around = await readAround(call, { args, search, found, issues });
  return {
    ...found,
    rows: kept,
    total: unfit.length > 0 ? undefined : found.total,
    missing: [...found.missing, ...unfit],
    ...around,
    offset: args.offset,
    limit: args.limit,
    sort: args.sort,
    order: args.order,
    showsCreated,
    customFields,
    filters: toFilters(args, resolved, { rows: issues, daysIn }),
    nextArguments: toNextArguments(args, resolved),
  };
}

/** The issues in which something happened, and what. */
async function getHistory(
  call: BacklogCall,
  {
    args,
    resolved,
    search,
    zone,
  }: {
    args: ListArguments;
    resolved: ResolvedNames;
    search: Search;
    zone: Promise<string | undefined> | undefined;
  },
  { since, until }: HistoryArguments,
): Promise<IssueList> {
  const { timeZone } = args;
  const reading = searchFitting(search, resolved, (search) =>
    readHistory(call, {
      search,
      day: since,
      from: startOfDay(since, timeZone),
      to: until
        ? startOfDay(addDays(until, 1), timeZone)
        : Number.POSITIVE_INFINITY,
      people: (resolved.historyBy?.meant ?? []).flatMap(({ ids, name }) =>
        ids.map((id) => ({ id, name: toName(name ?? `ID ${id}`) })),
      ),
      room: roomForRows(),
      measure: (told) => measureTold(told, args),
    }),
  );
  const [{ found, isLifted }, daysIn] = await Promise.all([reading, zone]);
  const { history, missing } = found;
  const { next, left } = history;
  const { kept: told, unfit } = keepFitting(history.told, ({ row }) => row, {
    ...resolved,
    isLifted,
  });
  const issues = told.map(({ row }) => row);
  const changes = told
    .flatMap(({ comments }) => comments)
    .flatMap(({ changeLog }) => changeLog ?? []);
  return {
    origin: call.origin,
    rows: issues.map((issue) => ({ issue, next })),
    total: undefined,
    end: next,
    more: left > 0,
    missing: [...missing, ...unfit],
    offset: args.offset,
    limit: args.limit,
    sort: args.sort,
    order: args.order,
    showsCreated: false,
    customFields: resolved.custom?.columns ?? [],
    history: { ...history, told },
    nextArguments: toNextArguments(args, resolved),
    filters: toFilters(args, resolved, { rows: issues, daysIn }),
    spaceTimeZone: await call.getTimeZone([
      ...issues.map(({ dueDate }) => dueDate),
      ...changes.flatMap(listInstants),
    ]),
  };
}

/** Where Backlog refuses `custom_fields`, what it finds without them. */
async function searchFitting<Answer>(
  search: Search,
  { custom }: ResolvedNames,
  ask: (search: Search) => Promise<Answer>,
): Promise<{ found: Answer; isLifted: boolean }> {
  const found = await valueOrError(ask(search));
  if (!(found instanceof BacklogError)) return { found, isLifted: false };
  // A total alone would be that of other issues.
  if (!custom || found.status !== 400 || search.limit === 0) throw found;
  const filters = { ...search.filters };
  for (const parameter of Object.keys(custom.query)) delete filters[parameter];
  return { found: await ask({ ...search, filters }), isLifted: true };
}

/** Those that fit `custom_fields`, and what is said where Backlog sent others. */
function keepFitting<Item>(
  items: readonly Item[],
  toIssue: (item: Item) => IssueRow,
  { custom, isLifted }: Pick<ResolvedNames, "custom"> & { isLifted: boolean },
): { kept: Item[]; unfit: string[] } {
  const kept = items.filter((item) => custom?.fits(toIssue(item)) ?? true);
  if (kept.length === items.length && !isLifted) return { kept, unfit: [] };
  const what = `of ${items.length} issues read here, ${kept.length} fit`;
  return { kept, unfit: [`Backlog did not apply custom_fields: ${what}.`] };
}

/** A minute's searches that counting leaves to other questions. */
const SPARE_SEARCHES = 2;

/** All that match, as many as can be read, to be counted by group. */
export async function countUserIssues(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
): Promise<Tally> {
  const resolved = await resolveNames(call, args, getMe);
  const asked = toSearch(args, resolved);
  const search: Search = {
    ...asked,
    // New issues come last, so that no page moves while the others are read.
    filters: { ...asked.filters, sort: "created", order: "asc" },
    offset: 0,
    limit: MOST_READ,
    capacity: () => MOST_READ,
    spare: SPARE_SEARCHES,
  };
  const [{ found, isLifted }, daysIn] = await Promise.all([
    searchFitting(search, resolved, (search) => searchIssues(call, search)),
    askZone(call, args),
  ]);
  const { kept: issues, unfit } = keepFitting(
    found.rows.map(({ issue }) => issue),
    (issue) => issue,
    { ...resolved, isLifted },
  );
  const isWhole = !found.more && found.end === found.total;
  const around = await readAround(call, { args, search, found, issues });
  const since = issues.at(-1)?.created?.slice(0, 10);
  const { offset, limit, sort, order, ...narrower } = toNextArguments(
    args,
    resolved,
  );
  return {
    issues,
    groups: args.countBy,
    // Of a part, how many of the others would fit is not known.
    total: unfit.length > 0 && !isWhole ? undefined : found.total,
    lost: found.end - found.rows.length,
    isWhole,
    narrower: { ...narrower, ...(since && { created_since: since }) },
    ...around,
    filters: toFilters(args, resolved, { rows: issues, daysIn }),
    missing: [...found.missing, ...unfit],
  };
}

/** What is told around the issues, whether they are listed or counted. */
async function readAround(
  call: BacklogCall,
  {
    issues,
    ...asked
  }: {
    args: ListArguments;
    search: Search;
    found: Found;
    issues: readonly IssueRow[];
  },
) {
  const [spaceTimeZone, hidden] = await Promise.all([
    call.getTimeZone(issues.map(({ dueDate }) => dueDate)),
    asked.found.total === 0 ? describeHidden(call, asked) : undefined,
  ]);
  return { origin: call.origin, spaceTimeZone, hidden };
}

function toSearch(args: ListArguments, resolved: ResolvedNames) {
  return {
    filters: toQuery(args, resolved),
    notClosed: resolved.notClosed,
    nobody: resolved.filters.assignee?.nobody ?? false,
    noDueDate: args.noDueDate,
    offset: args.offset,
    limit: args.limit,
  };
}

const SORTS: Record<string, string> = { due_date: "dueDate" };

/** In Backlog's names, every argument but the page. */
function toQuery(
  args: ListArguments,
  { filters, custom }: ResolvedNames,
): Query {
  const query: Query = { ...custom?.query };
  for (const [filter, parameter] of FILTERS) {
    query[parameter] = filters[filter]?.ids;
  }
  for (const { parameter, day } of args.dates) query[parameter] = day;
  query.keyword = args.keyword;
  query.sort = SORTS[args.sort] ?? args.sort;
  query.order = args.order;
  return query;
}

function toFilters(
  args: ListArguments,
  { filters, historyBy, notClosed, custom }: ResolvedNames,
  { rows, daysIn }: { rows: readonly IssueRow[]; daysIn: string | undefined },
): ListFilter[] {
  const named = FILTERS.flatMap(([filter, , label]): ListFilter[] => {
    const isDefault = isNotGiven(args, filter);
    if (filter === "status" && notClosed) {
      const statuses = rows.map((row) => row.status);
      const values = [{ name: describeNotClosed(statuses), ids: [] }];
      return [{ label, values, isDefault }];
    }
    const resolved = filters[filter];
    if (resolved === undefined) return [];
    const values = resolved.meant.map((value) =>
      nameFromRows(filter, value, rows),
    );
    return [{ label, values, isDefault }];
  });
  const say = (label: string): ListFilter => ({
    label,
    values: [],
    isDefault: false,
  });
  const dates = args.dates.map(({ argument, day, given }) => {
    const taken = day === given ? "" : ` (${toName(given)})`;
    return say(`${argument.replaceAll("_", " ")} ${day}${taken}`);
  });
  const zone = daysIn === undefined ? "the space's time zone" : toName(daysIn);
  return [
    ...named,
    ...(custom?.told ?? []),
    ...dates,
    ...(args.noDueDate ? [say("without a due date")] : []),
    ...toHistoryFilters(args, historyBy),
    ...(args.todayTold ? [say(args.todayTold)] : []),
    ...(args.dates.some(isInstant)
      ? [say(`days probably as ${zone} has them`)]
      : []),
    ...(args.keyword === undefined
      ? []
      : [say(`keyword ${JSON.stringify(args.keyword)}`)]),
  ];
}

function toHistoryFilters(
  { history, timeZone }: ListArguments,
  by: ResolvedFilter | undefined,
): ListFilter[] {
  if (history === undefined) return [];
  const { since, until, isSinceDefault = false } = history;
  const days = `${since}${until ? ` until ${until}` : ""} (${timeZone})`;
  return [
    {
      label: "something happened since",
      values: [{ name: days, ids: [] }],
      isDefault: isSinceDefault,
    },
    ...(by ? [{ label: "by", values: by.meant, isDefault: false }] : []),
  ];
}

/** The space's time zone, where it decides which days are meant. */
function askZone(call: BacklogCall, { dates }: ListArguments) {
  return dates.some(isInstant) ? call.getTimeZone() : undefined;
}

/** Whose day depends on a time zone; due and start dates are days as such. */
function isInstant({ argument }: ListArguments["dates"][number]): boolean {
  return /^(created|updated)/.test(argument);
}

function isNotGiven({ choices }: ListArguments, filter: Filter): boolean {
  const { ids, words } = choices(filter);
  return ids.length + words.length === 0;
}

/** The rows tell a name that no request was worth, in the space's language. */
function nameFromRows(
  filter: Filter,
  value: { name?: string; ids: number[] },
  rows: readonly IssueRow[],
) {
  const [id] = value.ids;
  const found =
    filter === "status"
      ? rows.find(({ status }) => status.id === id)?.status
      : filter === "assignee"
        ? rows.find(({ assignee }) => assignee?.id === id)?.assignee
        : undefined;
  return found && id !== undefined ? { ...value, name: found.name } : value;
}

/** The same question, in the words that were given; days as they were. */
function toNextArguments(
  args: ListArguments,
  { custom }: ResolvedNames,
): Record<string, unknown> {
  const next: Record<string, unknown> = {};
  for (const [filter, , , inWords, inNumbers] of FILTERS) {
    const { ids, words } = args.choices(filter);
    if (words.length > 0) next[inWords] = words;
    if (inNumbers && ids.length > 0) next[inNumbers] = ids;
  }
  if (custom) next.custom_fields = custom.next;
  for (const { argument, day } of args.dates) next[argument] = day;
  if (args.noDueDate) next.due_date_until = "none";
  if (args.countBy.length > 0) next.count_by = args.countBy;
  const { history, keyword } = args;
  if (history) {
    next.history_since = history.since;
    if (history.until) next.history_until = history.until;
    if (history.words.length > 0) next.history_by_names = history.words;
  }
  if (keyword !== undefined) next.keyword = keyword;
  if (args.sort !== "updated") next.sort = args.sort;
  if (args.order !== (args.sort === "due_date" ? "asc" : "desc")) {
    next.order = args.order;
  }
  if (args.limit !== 100) next.limit = args.limit;
  if (args.timeZone !== "UTC") next.timezone = args.timeZone;
  return next;
}

/** `0 assigned to you and not closed; 12 with assignee_names ["anyone"].` */
async function describeHidden(
  call: BacklogCall,
  {
    args,
    search,
    found,
  }: {
    args: ListArguments;
    search: Search;
    found: Found;
  },
): Promise<string | undefined> {
  const isHidden = (filter: Filter) =>
    isNotGiven(args, filter) && args.defaults[filter] === undefined;
  const ofMe = isHidden("assignee");
  const ofOpen = isHidden("status");
  const defaults = [
    ...(ofMe ? ["assigned to you"] : []),
    ...(ofOpen ? ["not closed"] : []),
  ];
  if (defaults.length === 0) return undefined;
  const count = async (changes: Partial<Search>) => {
    const { total } = await searchIssues(call, {
      ...search,
      ...changes,
      limit: 0,
    });
    return total ?? "?";
  };
  const filters = { ...search.filters, assigneeId: undefined };
  const counts = await valueOrError(
    Promise.all([
      ofOpen && (found.totalWithClosed ?? count({ notClosed: false })),
      ofMe && count({ filters }),
      ofMe && ofOpen && count({ filters, notClosed: false }),
    ]),
  );
  const none = `0 ${defaults.join(" and ")}`;
  if (counts instanceof BacklogError) {
    call.notes.add(`What defaults hid could not be counted: ${counts.message}`);
    return `${none}.`;
  }
  const ways = [
    'status_names ["any"]',
    'assignee_names ["anyone"]',
    "both",
  ].flatMap((way, index) =>
    counts[index] === false ? [] : [`${counts[index]} with ${way}`],
  );
  return `${[none, ...ways].join("; ")}.`;
}
