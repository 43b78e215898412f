import {
  FILTERS,
  type Filter,
  type HistoryArguments,
  type ListArguments,
} from "./arguments.ts";
import type { BacklogCall } from "./backlog.ts";
import { addDays, startOfDay, toEarlierDay } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { listDays } from "./facts.ts";
import { readHistory, tellHistory } from "./history.ts";
import type { Query } from "./http.ts";
import { toProjectKey } from "./issue-key.ts";
import {
  type IssueList,
  type ListFilter,
  measureRow,
  toCapacity,
} from "./list-text.ts";
import type { Me } from "./lookup.ts";
import { type ResolvedNames, resolveNames } from "./names.ts";
import { type IssueRow, PAGE_SIZE } from "./responses.ts";
import { type Found, MOST_READ, type Search, searchIssues } from "./search.ts";
import type { Tally } from "./tally.ts";
import { toName } from "./text.ts";

/** The issues that match, their true total, and how to get the others. */
export async function getUserIssueList(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
): Promise<IssueList> {
  const resolved = await resolveNames(call, args, getMe);
  const [read, days] = await Promise.all([
    args.history
      ? readWhatHappened(call, args, resolved, args.history)
      : find(call, args, resolved, {
          capacity: (rows) => toCapacity(rows, args, resolved.custom),
        }),
    describeDays(call, args),
  ]);
  const rows = read.rows.map(({ issue }) => issue);
  return { ...read, ...toFrame(call, args, resolved, { rows, days }) };
}

/** What stands around the rows, whatever they are told for. */
function toFrame(
  call: BacklogCall,
  args: ListArguments,
  resolved: ResolvedNames,
  found: { rows: readonly IssueRow[]; days: string | undefined },
) {
  const { custom, namesakes } = resolved;
  const keys = found.rows.map(({ issueKey }) => toProjectKey(issueKey));
  const archived = resolved.archived.filter((key) => keys.includes(key));
  if (archived.length > 0) {
    call.notes.add(`Archived projects: ${archived.join(", ")}.`);
  }
  const filters = toFilters(args, resolved, found);
  return { origin: call.origin, custom, namesakes, filters };
}

/** The issues in which something happened, and what. */
async function readWhatHappened(
  call: BacklogCall,
  args: ListArguments,
  resolved: ResolvedNames,
  { since, until }: HistoryArguments,
) {
  const { timeZone, today } = args;
  const { namesakes } = resolved;
  const view = { origin: call.origin, timeZone, today, namesakes };
  const search = await toSearch(call, { ...args, sort: "updated" }, resolved);
  const { found, isLifted } = await searchFitting(search, resolved, (search) =>
    readHistory(call, {
      search,
      view,
      day: since,
      from: startOfDay(since, timeZone),
      to: until ? startOfDay(addDays(until, 1), timeZone) : Infinity,
      people: (resolved.historyBy?.meant ?? []).flatMap(({ ids, name }) =>
        ids.map((id) => ({ id, name: toName(name ?? `ID ${id}`) })),
      ),
      isFitting: (row) => resolved.custom?.fits(row) ?? true,
      measure: (row) => measureRow(row, args, resolved.custom),
    }),
  );
  const { told, next, left } = found;
  const unfit = describeUnfit(found.found, next + left, isLifted);
  const counted = unfit.length > 0 ? undefined : found.counted;
  const spaceTimeZone = await call.getTimeZone([
    ...told.map(({ row }) => row.dueDate),
    ...listDays(told.flatMap(({ comments }) => comments)),
  ]);
  return {
    history: tellHistory({ ...found, counted }, { ...view, spaceTimeZone }),
    rows: told.map(({ row }) => ({ issue: row, next })),
    total: undefined,
    end: next,
    more: left > 0,
    missing: [...found.missing, ...unfit],
    spaceTimeZone,
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
  if (!custom || found.status !== 400) throw found;
  const filters = { ...search.filters };
  for (const parameter of Object.keys(custom.query)) delete filters[parameter];
  return { found: await ask({ ...search, filters }), isLifted: true };
}

/** What is said where Backlog sent what does not fit `custom_fields`. */
function describeUnfit(read: number, fitting: number, isLifted: boolean) {
  if (fitting === read && !isLifted) return [];
  const what = `read here: ${read}, of these fit: ${fitting}`;
  return [`Backlog did not apply custom_fields; ${what}.`];
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
  // New issues come last, so that no page moves while the others are read.
  const all = { ...args, sort: "created", order: "asc" } as const;
  const [found, days] = await Promise.all([
    find(call, { ...all, offset: 0, limit: MOST_READ }, resolved, {
      spare: SPARE_SEARCHES,
    }),
    describeDays(call, args),
  ]);
  const issues = found.rows.map(({ issue }) => issue);
  const last = found.more ? issues.at(-1)?.created : undefined;
  return {
    ...found,
    ...toFrame(call, args, resolved, { rows: issues, days }),
    issues,
    until: last ? toEarlierDay(last, await call.getTimeZone()) : undefined,
  };
}

/** What matches, and what is told around it, listed or counted. */
async function find(
  call: BacklogCall,
  args: ListArguments,
  resolved: ResolvedNames,
  reading: Partial<Search>,
) {
  const { offset, limit } = args;
  const search = {
    ...(await toSearch(call, args, resolved)),
    // A total alone would not show whether Backlog applied custom_fields.
    ...(resolved.custom && limit === 0 && { limit: PAGE_SIZE }),
    ...reading,
  };
  const { found, isLifted } = await searchFitting(search, resolved, (search) =>
    searchIssues(call, search),
  );
  if (found.total === 0 && /\S\s+\S/.test(args.keyword ?? "")) {
    call.notes.add(
      "Backlog most likely looks for all words of keyword at once: try fewer words.",
    );
  }
  const [spaceTimeZone, hidden] = await Promise.all([
    call.getTimeZone(found.rows.map(({ issue }) => issue.dueDate)),
    found.total === 0
      ? describeHidden(call, args, { resolved, found })
      : undefined,
  ]);
  const rows = found.rows.filter(
    ({ issue }) => resolved.custom?.fits(issue) ?? true,
  );
  const unfit = describeUnfit(found.rows.length, rows.length, isLifted);
  const isTotalAlone = limit === 0 && unfit.length === 0;
  return {
    ...found,
    rows: isTotalAlone ? [] : rows,
    end: limit === 0 ? offset : found.end,
    total: unfit.length > 0 ? undefined : found.total,
    isWhole: !found.more && found.end === found.total,
    lost: found.end - search.offset - found.rows.length,
    missing: [...found.missing, ...unfit],
    spaceTimeZone,
    hidden,
  };
}

/** What is asked of Backlog, once it is seen what that honours. */
async function toSearch(
  call: BacklogCall,
  args: ListArguments,
  resolved: ResolvedNames,
): Promise<Search> {
  const filters = toQuery(args, resolved);
  const order = await findOrder(call, args, filters);
  const nobody = resolved.filters.assignee?.nobody ?? false;
  return {
    ...(await applyUnset(call, { ...filters, order }, [
      ...(nobody ? [toNobody(filters)] : []),
      ...(args.noDueDate ? [NO_DUE_DATE] : []),
    ])),
    notClosed: resolved.filters.status?.notClosed ?? false,
    offset: args.offset,
    limit: args.limit,
    capacity: () => args.limit,
  };
}

/** In Backlog's names, every argument but the page. */
function toQuery(
  { dates, keyword, sort, order }: ListArguments,
  { filters, custom }: ResolvedNames,
): Query {
  const query: Query = { ...custom?.query };
  for (const [filter] of FILTERS) {
    query[`${filter}Id`] = filters[filter]?.ids;
  }
  for (const { parameter, day } of dates) query[parameter] = day;
  query.keyword = keyword;
  query.sort = sort === "due_date" ? "dueDate" : sort;
  query.order = order;
  return query;
}

/**
 * The order, turned where Backlog begins with the lowest priority: which way it
 * sorts these is not documented. IDs are 2 High, 3 Normal, 4 Low.
 */
async function findOrder(
  call: BacklogCall,
  { sort, order, limit }: ListArguments,
  filters: Query,
) {
  if (sort !== "priority" || limit === 0) return order;
  const [down, up] = await Promise.all(
    ["desc", "asc"].map(async (order) => {
      const query = { ...filters, order, offset: 0, count: 20 };
      const page = await valueOrError(call.listIssues(query));
      if (page instanceof BacklogError) return undefined;
      return page.entries.find(({ priority }) => priority?.id)?.priority?.id;
    }),
  );
  if (!down || !up || down <= up) return order;
  return order === "desc" ? "asc" : "desc";
}

type Hold = (issue: IssueRow) => boolean;

/** What is searched for by its absence, as Backlog may be asked for it. */
interface Unset {
  alone: Query;
  /** Of an issue that Backlog found by `alone`. */
  isUnset: Hold;
  /** With what is meant besides. */
  asked?: Query;
  holds?: Hold;
}

const NO_DUE_DATE: Unset = {
  alone: { hasDueDate: false },
  isUnset: ({ dueDate }) => dueDate === null,
};

/** Nobody's issues, beside those of the people named or instead. */
function toNobody({ assigneeId }: Query): Unset {
  const people = Array.isArray(assigneeId) ? assigneeId : [];
  return {
    alone: { assigneeId: [-1] },
    isUnset: ({ assignee }) => assignee === null,
    asked: { assigneeId: [...people, -1] },
    holds: ({ assignee }) =>
      assignee === null || people.some((id) => id === assignee?.id),
  };
}

/**
 * The filters that Backlog is seen to honour, and what the issues have to be
 * looked at for: neither `assigneeId[]=-1` nor whether each space knows
 * `hasDueDate=false` is documented. Unknown is neither nobody nor none.
 */
async function applyUnset(
  call: BacklogCall,
  filters: Query,
  unset: readonly Unset[],
): Promise<Pick<Search, "filters" | "holds">> {
  const lifted = unset
    .flatMap(({ alone }) => Object.keys(alone))
    .map((name) => [name, undefined]);
  const without: Query = { ...filters, ...Object.fromEntries(lifted) };
  const honoured = await Promise.all(
    unset.map((one) => isHonoured(call, without, one)),
  );
  const asked = unset.filter((_, index) => honoured[index]);
  const read = unset.filter((_, index) => !honoured[index]);
  return {
    filters: Object.assign(
      { ...without },
      ...asked.map((one) => one.asked ?? one.alone),
    ),
    holds: read.map(({ holds, isUnset }) => holds ?? isUnset),
  };
}

/**
 * Whether Backlog applied the filter: it brought something, nothing else, and
 * less than there is without it.
 */
async function isHonoured(
  call: BacklogCall,
  without: Query,
  { alone, isUnset }: Unset,
): Promise<boolean> {
  const query = { ...without, ...alone };
  const [page, all] = await Promise.all([
    valueOrError(call.listIssues({ ...query, offset: 0, count: PAGE_SIZE })),
    valueOrError(call.countIssues(without)),
  ]);
  if (page instanceof BacklogError) {
    if (page.status === 400) return false;
    throw page;
  }
  if (page.entries.length === 0 || !page.entries.every(isUnset)) return false;
  const isWhole = page.sent.length < PAGE_SIZE;
  const found = isWhole ? page.sent.length : await call.countIssues(query);
  return all instanceof BacklogError || found < all;
}

/** The filters that applied, in words. */
function toFilters(
  args: ListArguments,
  { filters, historyBy, custom }: ResolvedNames,
  { rows, days }: { rows: readonly IssueRow[]; days: string | undefined },
): ListFilter[] {
  const named = FILTERS.flatMap(([filter, label]): ListFilter[] => {
    const isDefault = isNotGiven(args, filter);
    const values = filters[filter]?.meant.map((value) =>
      nameFromRows(filter, value, rows),
    );
    return values ? [{ label, values, isDefault }] : [];
  });
  const { history, timeZone, keyword } = args;
  const until = history?.until ? ` until ${history.until}` : "";
  const happened = history && {
    label: "something happened since",
    values: [{ name: `${history.since}${until} (${timeZone})`, ids: [] }],
    isDefault: history.isSinceDefault,
  };
  const said = (label: string | false | undefined) =>
    label ? [{ label }] : [];
  const told = [
    ...(custom?.told ?? []),
    ...args.dates.map(({ argument, day, given }) => {
      const taken = day === given ? "" : ` (${toName(given)})`;
      return { label: `${argument.replaceAll("_", " ")} ${day}${taken}` };
    }),
    ...said(args.noDueDate && "without a due date"),
    ...(happened ? [happened] : []),
    ...(historyBy ? [{ label: "by", values: historyBy.meant }] : []),
    ...said(args.todayTold),
    ...said(days),
    ...said(keyword !== undefined && `keyword ${JSON.stringify(keyword)}`),
  ];
  return [
    ...named,
    ...told.map((filter) => ({ values: [], isDefault: false, ...filter })),
  ];
}

/** In whose days one asks; due and start dates are days as such. */
async function describeDays(
  call: BacklogCall,
  { dates }: ListArguments,
): Promise<string | undefined> {
  const isAsked = dates.some(({ argument }) =>
    /^(created|updated)/.test(argument),
  );
  if (!isAsked) return undefined;
  const zone = await call.getTimeZone();
  const whose = zone === undefined ? "the space's time zone" : toName(zone);
  return `days probably as ${whose} has them`;
}

function isNotGiven({ choices }: ListArguments, filter: Filter): boolean {
  const { ids, words } = choices(filter);
  return ids.length + words.length === 0;
}

/** The rows tell a name that no request was worth, in the space's language. */
function nameFromRows(
  filter: Filter,
  value: ListFilter["values"][number],
  rows: readonly IssueRow[],
) {
  if (filter !== "status" && filter !== "assignee") return value;
  const [id] = value.ids;
  const found = rows.find((row) => id !== undefined && row[filter]?.id === id);
  return found?.[filter] ? { ...value, name: found[filter].name } : value;
}

/** `0 assigned to you and not closed; 12 with assignee_names ["anyone"].` */
async function describeHidden(
  call: BacklogCall,
  args: ListArguments,
  { resolved, found }: { resolved: ResolvedNames; found: Found },
): Promise<string | undefined> {
  const isHidden = (filter: Filter) =>
    isNotGiven(args, filter) && args.defaults[filter] === undefined;
  const [ofMe, ofOpen] = [isHidden("assignee"), isHidden("status")];
  const defaults = [
    ...(ofMe ? ["assigned to you"] : []),
    ...(ofOpen ? ["not closed"] : []),
  ];
  if (defaults.length === 0) return undefined;
  const count = async (...lifted: Filter[]) => {
    const filters = { ...resolved.filters };
    for (const filter of lifted) delete filters[filter];
    const asked = { ...resolved, filters };
    const search = await toSearch(call, { ...args, limit: 0 }, asked);
    return (await searchIssues(call, search)).total ?? "?";
  };
  const counts = await valueOrError(
    Promise.all([
      ofOpen && (found.totalWithClosed ?? count("status")),
      ofMe && count("assignee"),
      ofMe && ofOpen && count("assignee", "status"),
    ]),
  );
  const none = `0 ${defaults.join(" and ")}`;
  if (counts instanceof BacklogError) {
    call.notes.add(`What defaults hid could not be counted: ${counts.message}`);
    return `${none}.`;
  }
  const ways = ['status_names ["any"]', 'assignee_names ["anyone"]', "both"]
    .map((way, index) => `${counts[index]} with ${way}`)
    .filter((_, index) => counts[index] !== false);
  return `${[none, ...ways].join("; ")}.`;
}
