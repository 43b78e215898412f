import { FILTERS, type Filter, type ListArguments } from "./arguments.ts";
import { type BacklogCall, CLOSED, type Query } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { type IssueList, type ListFilter, toCapacity } from "./list-text.ts";
import { type Me, type ResolvedNames, resolveNames } from "./names.ts";
import type { IssueRow } from "./responses.ts";
import { type Found, searchIssues } from "./search.ts";

/** The issues that match, their true total, and how to get the others. */
export async function getUserIssueList(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
): Promise<IssueList> {
  const resolved = await resolveNames(call, args, getMe);
  const query = toQuery(args, resolved);
  const found = await searchIssues(call, {
    filters: query,
    notClosed: resolved.notClosed,
    offset: args.offset,
    limit: args.limit,
    capacity: (rows) => toCapacity(rows, args),
  });
  const [spaceTimeZone, hidden] = await Promise.all([
    call.getTimeZone(found.rows.map(({ dueDate }) => dueDate)),
    found.total === 0
      ? describeHidden(call, { args, resolved, query, found })
      : undefined,
  ]);
  return {
    origin: call.origin,
    total: found.total,
    more: found.more ?? false,
    missing: found.missing ?? 0,
    rows: found.rows,
    spaceTimeZone,
    offset: args.offset,
    sort: args.sort,
    order: args.order,
    filters: toFilters(args, resolved, found.rows),
    hidden,
    nextArguments: toNextArguments(args, resolved),
  };
}

const SORTS: Record<string, string> = { due_date: "dueDate" };

/** In Backlog's names, every argument but the page. */
function toQuery(args: ListArguments, { filters }: ResolvedNames): Query {
  const query: Query = {};
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
  { filters, notClosed }: ResolvedNames,
  rows: readonly IssueRow[],
): ListFilter[] {
  const named = FILTERS.flatMap(([filter, , label]): ListFilter[] => {
    const isDefault = isNotGiven(args, filter);
    if (filter === "status" && notClosed) {
      return [{ label, values: [{ name: "not closed", ids: [] }], isDefault }];
    }
    const resolved = filters[filter];
    if (resolved === undefined) return [];
    const values = resolved.meant.map((value) =>
      nameFromRows(filter, value, rows),
    );
    return [{ label, values, isDefault }];
  });
  const dates = args.dates.map(({ argument, day }) => ({
    label: argument.replaceAll("_", " "),
    values: [{ name: day, ids: [] }],
    isDefault: false,
  }));
  const inZone = {
    label: "days as the space's time zone has them",
    values: [],
    isDefault: false,
  };
  const keyword =
    args.keyword === undefined
      ? []
      : [
          {
            label: `keyword ${JSON.stringify(args.keyword)}`,
            values: [],
            isDefault: false,
          },
        ];
  return [
    ...named,
    ...dates,
    ...(dates.length > 0 ? [inZone] : []),
    ...keyword,
  ];
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

/** The same question, its words resolved where an argument takes the IDs. */
function toNextArguments(
  args: ListArguments,
  { filters, notClosed }: ResolvedNames,
): Record<string, unknown> {
  const next: Record<string, unknown> = {};
  const toBuiltIn = (filter: Filter, words: string[]) => {
    if (filter === "assignee") return ["anyone"];
    if (filter !== "status") return words;
    return notClosed ? ["not closed"] : ["any"];
  };
  for (const [filter, , , inWords, inNumbers] of FILTERS) {
    const { words } = args.choices(filter);
    const { ids = [] } = filters[filter] ?? {};
    if (inNumbers && ids.length > 0) next[inNumbers] = ids;
    else if (words.length > 0) next[inWords] = toBuiltIn(filter, words);
  }
  for (const { argument, day } of args.dates) next[argument] = day;
  if (args.keyword !== undefined) next.keyword = args.keyword;
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
  search: {
    args: ListArguments;
    resolved: ResolvedNames;
    query: Query;
    found: Found;
  },
): Promise<string | undefined> {
  const { args, resolved, query, found } = search;
  const ofMe = isNotGiven(args, "assignee");
  const ofOpen = isNotGiven(args, "status");
  if (!ofMe && !ofOpen) return undefined;
  const defaults = [
    ...(ofMe ? ["assigned to you"] : []),
    ...(ofOpen ? ["not closed"] : []),
  ];
  const parts = [`0 ${defaults.join(" and ")}`];
  if (ofOpen) {
    parts.push(`${found.totalWithClosed ?? 0} with status_names ["any"]`);
  }
  if (!ofMe) return `${parts.join("; ")}.`;
  const anyone = { ...query, assigneeId: undefined };
  const counts = await valueOrError(
    Promise.all([
      call.countIssues(anyone),
      resolved.notClosed
        ? call.countIssues({ ...anyone, statusId: [CLOSED] })
        : 0,
    ]),
  );
  if (counts instanceof BacklogError) {
    call.notes.add(`What others have could not be counted: ${counts.message}`);
    return `${parts.join("; ")}.`;
  }
  const [all, closed] = counts;
  parts.push(`${all - closed} with assignee_names ["anyone"]`);
  if (resolved.notClosed) parts.push(`${all} with both`);
  return `${parts.join("; ")}.`;
}
