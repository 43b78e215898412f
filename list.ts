import type { Filter, ListArguments } from "./arguments.ts";
import type { BacklogCall, Query } from "./backlog.ts";
import { isZonedDay, toCalendarDay } from "./dates.ts";
import { BacklogError } from "./errors.ts";
import type { OnProgress } from "./issue.ts";
import {
  type IssueList,
  type ListFilter,
  type ListRow,
  toCapacity,
} from "./list-text.ts";
import { type Me, type ResolvedNames, resolveNames } from "./names.ts";
import type { IssueRow } from "./responses.ts";
import { CLOSED, type Found, searchIssues } from "./search.ts";

/** The issues that match, their true total, and how to get the others. */
export async function getUserIssueList(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
  onProgress?: OnProgress,
): Promise<IssueList> {
  const resolved = await resolveNames(call, args, getMe);
  const query = toQuery(args, resolved);
  const found = await searchIssues(call, {
    filters: query,
    notClosed: resolved.notClosed,
    offset: args.offset,
    limit: args.limit,
    capacity: (rows) =>
      toCapacity(
        rows.map((row) => toRow(row)),
        args,
      ),
    ...(onProgress && { onProgress }),
  });
  const notes = [...resolved.notes, ...found.notes];
  const [zone, hidden] = await Promise.all([
    getZone(call, found.rows, notes),
    found.total === 0
      ? describeHidden(call, { args, resolved, query, found, notes })
      : undefined,
  ]);
  return {
    origin: call.origin,
    total: found.total,
    more: found.more ?? false,
    missing: found.missing ?? 0,
    rows: found.rows.map((row) => toRow(row, zone)),
    offset: args.offset,
    sort: args.sort,
    order: args.order,
    filters: toFilters(args, resolved, found.rows),
    hidden,
    nextArguments: toNextArguments(args, resolved),
    notes,
  };
}

// In the order of the filter line: what people ask by first.
const FILTERS = [
  { filter: "assignee", parameter: "assigneeId", label: "assignee" },
  { filter: "status", parameter: "statusId", label: "status" },
  { filter: "project", parameter: "projectId", label: "project" },
  { filter: "issueType", parameter: "issueTypeId", label: "type" },
  { filter: "category", parameter: "categoryId", label: "category" },
  { filter: "milestone", parameter: "milestoneId", label: "milestone" },
  { filter: "priority", parameter: "priorityId", label: "priority" },
  { filter: "createdUser", parameter: "createdUserId", label: "created by" },
  { filter: "parentIssue", parameter: "parentIssueId", label: "parent" },
] as const satisfies { filter: Filter; parameter: string; label: string }[];

const SORTS: Record<string, string> = { due_date: "dueDate" };

/** In Backlog's names, every argument but the page. */
function toQuery(args: ListArguments, { filters }: ResolvedNames): Query {
  const query: Query = {};
  for (const { filter, parameter } of FILTERS) {
    query[parameter] = filters[filter]?.ids;
  }
  for (const { parameter, day } of args.dates) query[parameter] = day;
  query.keyword = args.keyword;
  query.sort = SORTS[args.sort] ?? args.sort;
  query.order = args.order;
  return query;
}

function toRow(row: IssueRow, spaceTimeZone?: string): ListRow {
  return {
    key: row.issueKey,
    title: row.summary,
    status: row.status.name,
    closed: row.status.id === CLOSED,
    ...(row.issueType && { type: row.issueType.name }),
    ...(row.priority && { priority: row.priority.name }),
    ...(row.assignee && { assignee: row.assignee.name }),
    ...(row.dueDate && { dueDate: toCalendarDay(row.dueDate, spaceTimeZone) }),
    ...(row.updated && { updated: row.updated }),
  };
}

/** Asked only where a day is written as midnight of the space's own zone. */
async function getZone(
  call: BacklogCall,
  rows: readonly IssueRow[],
  notes: string[],
): Promise<string | undefined> {
  if (!rows.some(({ dueDate }) => dueDate && isZonedDay(dueDate))) {
    return undefined;
  }
  try {
    return (await call.getSpace()).timezone ?? undefined;
  } catch (error) {
    if (!(error instanceof BacklogError)) throw error;
    notes.push(`The space's time zone could not be read: ${error.message}`);
    return undefined;
  }
}

function toFilters(
  args: ListArguments,
  { filters, notClosed }: ResolvedNames,
  rows: readonly IssueRow[],
): ListFilter[] {
  const named = FILTERS.flatMap(({ filter, label }): ListFilter[] => {
    const { ids, words } = args.filters[filter];
    const isDefault = ids.length + words.length === 0;
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
  const inNumbers = [
    ["project", "project_ids", undefined],
    ["assignee", "assignee_ids", { assignee_names: ["anyone"] }],
    ["status", "status_ids", { status_names: ["any"] }],
    ["milestone", "milestone_ids", undefined],
    ["parentIssue", "parent_issue_ids", undefined],
  ] as const;
  for (const [filter, argument, lifted] of inNumbers) {
    const resolved = filters[filter];
    if (resolved === undefined) continue;
    if (resolved.ids.length > 0) next[argument] = resolved.ids;
    else Object.assign(next, lifted);
  }
  if (notClosed && args.filters.status.words.length > 0) {
    next.status_names = ["not closed"];
  }
  const inWords = [
    ["issueType", "issue_type_names"],
    ["category", "category_names"],
    ["priority", "priority_names"],
    ["createdUser", "created_user_names"],
  ] as const;
  for (const [filter, argument] of inWords) {
    const { words } = args.filters[filter];
    if (words.length > 0) next[argument] = words;
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
  {
    args,
    resolved,
    query,
    found,
    notes,
  }: {
    args: ListArguments;
    resolved: ResolvedNames;
    query: Query;
    found: Found;
    notes: string[];
  },
): Promise<string | undefined> {
  const isDefault = (filter: Filter) => {
    const { ids, words } = args.filters[filter];
    return ids.length + words.length === 0;
  };
  const defaults = [
    ...(isDefault("assignee") ? ["assigned to you"] : []),
    ...(isDefault("status") ? ["not closed"] : []),
  ];
  if (defaults.length === 0) return undefined;
  const parts = [`0 ${defaults.join(" and ")}`];
  if (isDefault("status")) {
    parts.push(`${found.totalWithClosed ?? 0} with status_names ["any"]`);
  }
  if (isDefault("assignee")) {
    const anyone = { ...query, assigneeId: undefined };
    try {
      const [all, closed] = await Promise.all([
        call.countIssues(anyone),
        resolved.notClosed
          ? call.countIssues({ ...anyone, statusId: [CLOSED] })
          : 0,
      ]);
      parts.push(`${all - closed} with assignee_names ["anyone"]`);
      if (resolved.notClosed) parts.push(`${all} with both`);
    } catch (error) {
      if (!(error instanceof BacklogError)) throw error;
      notes.push(`What others have could not be counted: ${error.message}`);
    }
  }
  return `${parts.join("; ")}.`;
}
