import type { BacklogCall, IssuePage } from "./backlog.ts";
import { BacklogError, toMessage, valueOrError } from "./errors.ts";
import type { Query } from "./http.ts";
import type { IssueList } from "./list-text.ts";
import {
  CLOSED,
  type IssueRow,
  PAGE_SIZE,
  type Project,
  type Sent,
} from "./responses.ts";

/** What a list asks of Backlog. */
export interface Search {
  /** Filters and order in Backlog's names; no status where `notClosed`. */
  filters: Query;
  /** Backlog has no such filter: the custom statuses have to be found. */
  notClosed: boolean;
  /** What Backlog cannot be asked for: issues are read and looked at for it. */
  holds: readonly ((issue: IssueRow) => boolean)[];
  offset: number;
  /** 0: the total alone. */
  limit: number;
  /** How many can be shown that are like these; no more are read. */
  capacity: (rows: readonly IssueRow[]) => number;
  /** So many searches are left to others in this minute. */
  spare?: number;
}

/** Of a list what is read for it; the total is of all that match. */
export interface Found
  extends Pick<
    IssueList,
    "rows" | "total" | "end" | "more" | "missing" | "isApart"
  > {
  /** With closed ones too, where they were counted on the way. */
  totalWithClosed?: number | undefined;
}

/** A number, or why there is none: that costs no row already read. */
type Count = number | Error;

/** Open, In Progress and Resolved have these IDs in every project. */
const STANDARD_NOT_CLOSED = [1, 2, 3] as const;

/** As many are read one by one where Backlog cannot be asked for them alone. */
export const MOST_READ = 3_000;
/** What a way may send at most, of the 100 requests of a call. */
const MOST_LOOK_UPS = 70;
/** Searches that the counts beside a page leave in a minute. */
const SPARE_FOR_PAGES = 5;
/** So many pages are under way at once. */
const WAVE = 4;

const NOT_ALL = "Not all could be read one by one, so that others may match";
const MAY_MISS = "Issues in custom statuses may be missing.";

/**
 * The rows asked for and their true total, in as few requests as it takes. An
 * offset counts whatever matches, in order, what cannot be read included.
 */
export async function searchIssues(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const found = await toWay(search)(call, search);
  const closed = found.rows.filter(({ issue }) => issue.status.id === CLOSED);
  if (search.notClosed && closed.length > 0) {
    found.missing.push(
      `Backlog sent closed ones among those that are not: ${closed.length}.`,
    );
  }
  return found;
}

function toWay({ holds, limit, notClosed }: Search) {
  if (holds.length > 0) return searchOneByOne;
  if (limit === 0) return countAlone;
  return notClosed ? searchNotClosed : searchAsFiltered;
}

async function countAlone(call: BacklogCall, search: Search): Promise<Found> {
  const { filters, notClosed, offset } = search;
  const [all, closed] = await Promise.all([
    call.countIssues(filters),
    notClosed ? call.countIssues(onlyClosed(filters)) : 0,
  ]);
  const total = Math.max(all - closed, 0);
  return { rows: [], total, end: offset, more: total > offset, missing: [] };
}

async function searchAsFiltered(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const { filters: query, offset } = search;
  const [first, count] = await Promise.all([
    readPage(call, query, offset),
    counting(call, 1)(query),
  ]);
  const found = await readRows(call, search, { query, first, count });
  if (count instanceof Error && found.total === undefined) {
    found.missing.push(`The total could not be counted: ${count.message}`);
  }
  return found;
}

/**
 * Asks for the page of the standard statuses and for what tells whether these
 * are all: only where a custom status is in play does anything else follow.
 */
async function searchNotClosed(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const { filters, offset, limit } = search;
  const query = { ...filters, statusId: STANDARD_NOT_CLOSED };
  const cannotTell = offset > 0 || limit > PAGE_SIZE;
  // Without them an offset would count standard ones alone, and pass over some.
  const count =
    offset > 0
      ? (query: Query) => valueOrError(call.countIssues(query))
      : counting(call, cannotTell ? 3 : 2);
  const [first, all, closed, early] = await Promise.all([
    readPage(call, query, offset),
    count(filters),
    count(onlyClosed(filters)),
    cannotTell ? count(query) : undefined,
  ]);
  const { length } = first.sent;
  const isLast = length < PAGE_SIZE && (length > 0 || offset === 0);
  const standard = isLast
    ? offset + length
    : (early ?? (await counting(call, 1)(query)));
  const total = less(all, closed);
  const page = { query, first, count: standard };
  if (
    typeof all === "number" &&
    typeof total === "number" &&
    typeof standard === "number"
  ) {
    const found =
      total > standard
        ? await searchCustomStatuses(call, search, { all, total, first })
        : await readRows(call, search, page);
    return { ...found, totalWithClosed: all };
  }
  const why = toMessage(total instanceof Error ? total : standard);
  if (offset > 0) {
    throw new BacklogError(
      `${why} Behind the first rows of what is not closed these counts are needed; where status_names name the statuses they are not.`,
    );
  }
  const found = await readRows(call, search, page);
  found.missing.push(
    `Not all could be counted: ${why} So only Open, In Progress and Resolved are read here. ${MAY_MISS}`,
  );
  const known = total instanceof Error ? undefined : total;
  return { ...found, total: known, isApart: true };
}

/**
 * By the cheaper of two ways, chosen once: all pages less the closed, or the
 * projects' statuses.
 */
async function searchCustomStatuses(
  call: BacklogCall,
  search: Search,
  { all, total, first }: { all: number; total: number; first: IssuePage },
): Promise<Found> {
  const { filters, offset } = search;
  if (offset >= total) {
    return { rows: [], total, end: offset, more: false, missing: [] };
  }
  const limit = Math.min(search.limit, search.capacity(first.entries));
  const wanted = Math.min(offset + limit, total);
  // Newest first the closed ones are spread or further back; in another order
  // they may all come first.
  const isNewestFirst =
    filters.order === "desc" && /^(updated|created)$/.test(`${filters.sort}`);
  const toCost = (rows: number) =>
    toPages(isNewestFirst ? (rows * all) / total : rows + all - total);
  const pages = toCost(wanted);
  const projects = await listProjects(call, filters, pages);
  const lookUps = projects.length + toPages(wanted - offset);
  if (projects.length > 0 && lookUps < pages && lookUps <= MOST_LOOK_UPS) {
    const found = await searchByStatuses(call, search, total, projects);
    // Where it lacks some, an offset counts them if the first call read pages.
    const begun = Math.min(limit, total);
    const isFirst = toCost(begun) > projects.length + toPages(begun);
    if (found && (isFirst || found.missing.length === 0)) return found;
  }
  return await readRows(
    call,
    { ...search, limit },
    { query: filters, count: total, keep: ({ isClosed }) => !isClosed, all },
  );
}

type NamedProject = Pick<Project, "id" | "projectKey">;

/** Those asked for, or all; none where reading `pages` costs less. */
async function listProjects(
  call: BacklogCall,
  { projectId = [] }: Query,
  pages: number,
): Promise<NamedProject[]> {
  const named = [projectId].flat().map(Number);
  if (named.length > 0) {
    return named.map((id) => ({ id, projectKey: `project ${id}` }));
  }
  // Listing them, one project's statuses and a page: no less is possible.
  const listed = pages > 3 ? await valueOrError(call.listProjects()) : [];
  return listed instanceof BacklogError ? [] : listed;
}

/** Undefined where Backlog does not take so many or such statuses. */
async function searchByStatuses(
  call: BacklogCall,
  search: Search,
  total: number,
  projects: readonly NamedProject[],
): Promise<Found | undefined> {
  const { statusId, unread } = await listStatuses(call, projects);
  const query = { ...search.filters, statusId };
  const first = await valueOrError(readPage(call, query, search.offset));
  if (first instanceof BacklogError) {
    if (first.status === 400 || first.status === 414) return undefined;
    throw first;
  }
  const isWhole = first.sent.length >= total && search.offset === 0;
  const held = isWhole ? total : await counting(call, 1)(query);
  const count = held instanceof Error ? total : held;
  const found = await readRows(call, search, { query, first, count });
  if (held instanceof Error) {
    found.missing.unshift(
      `How many of the ${total} these statuses hold could not be counted: ${held.message} ${MAY_MISS}`,
    );
  } else if (total > held) {
    const why = unread ? "see the notes" : "no project lists their status";
    found.missing.unshift(
      `Missing here: ${total - held} of the ${total} that are not closed, in custom statuses that could not be found (${why}).`,
    );
  }
  return { ...found, total };
}

/** All but closed; what cannot be read is noted. */
async function listStatuses(
  call: BacklogCall,
  projects: readonly NamedProject[],
) {
  const listed = await Promise.all(
    projects.map(async ({ id, projectKey }) => {
      const statuses = call.listProjectChoices(id, "statuses");
      const what = `The statuses of ${projectKey}`;
      return call.keep(what, await valueOrError(statuses));
    }),
  );
  const ids = listed.flatMap((statuses = []) => statuses.map(({ id }) => id));
  const statusId = new Set([...STANDARD_NOT_CLOSED, ...ids]);
  statusId.delete(CLOSED);
  return { statusId: [...statusId], unread: listed.includes(undefined) };
}

/** Reads what Backlog cannot be asked for, and keeps what fits. */
async function searchOneByOne(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const { filters, notClosed, holds } = search;
  const standard = { ...filters, statusId: STANDARD_NOT_CLOSED };
  const count = counting(call, notClosed ? 3 : 1);
  const [all, closed, inStandard] = await Promise.all([
    count(filters),
    notClosed ? count(onlyClosed(filters)) : 0,
    notClosed ? count(standard) : 0,
  ]);
  const custom = less(less(all, closed), inStandard);
  const isStandard = notClosed && typeof custom === "number" && custom <= 0;
  const most = isStandard ? inStandard : all;
  if (typeof most === "number" && most > MOST_READ) {
    throw new BacklogError(
      `Whose assignee is nobody, or which have no due date, could not be told: Backlog does not show by itself that it searches for these, and ${most} issues are more than the ${MOST_READ} that are read one by one. Name a project, or days such as updated_since.`,
    );
  }
  const found = await readRows(call, search, {
    query: isStandard ? standard : filters,
    // One more than is read: that number is no end.
    all: most instanceof Error ? MOST_READ + 1 : most,
    keep: ({ entry, isClosed }) =>
      !(notClosed && isClosed) &&
      (entry === undefined || holds.every((hold) => hold(entry))),
  });
  if (found.total === undefined && found.missing.length === 0) {
    found.missing.push(`${NOT_ALL}.`);
  }
  return found;
}

/** What is read, and from where. */
interface Reading {
  query: Query;
  /** Read already, at the offset. */
  first?: IssuePage;
  /** How many match, where that was asked. */
  count?: Count;
  /** Those that match among others, which are read from the first on. */
  keep?: (sent: Sent<IssueRow>) => boolean;
  /** How many Backlog has with these others. */
  all?: number | undefined;
}
/** How many there are, and how many of them are read. */
type Plan = Search & Reading & Record<"most" | "wanted", number>;

/** The rows, as far as they are wanted and can be shown. */
async function readRows(
  call: BacklogCall,
  search: Search,
  reading: Reading,
): Promise<Found> {
  const { offset, limit } = search;
  const { first, count, keep } = reading;
  const known = count instanceof Error ? undefined : count;
  const most = known ?? reading.all ?? offset + PAGE_SIZE;
  const enough = Math.min(limit, search.capacity(first?.entries ?? []));
  const asked = Math.min(offset + limit, most) - offset;
  // Only who has seen all can tell how many match.
  const needsAll = keep !== undefined && known === undefined;
  const wanted = needsAll ? most : Math.min(offset + enough, most);
  call.expect(asked);
  const all = reading.all ?? known;
  const plan = { ...search, ...reading, all, most, wanted };
  const { rows, end, ended, failure } = await readPages(call, plan);
  const read = Math.max(end - offset, 0);
  if (failure && read === 0) throw failure;
  const part = needsAll ? NOT_ALL : `Only ${read} of ${asked} could be read`;
  const missing = failure ? [`${part}: ${failure.message}`] : [];
  const isBeyond = known !== undefined && read > 0 && end > known;
  if (isBeyond || (known !== undefined && ended && end < known)) {
    missing.push(`Backlog counts ${known}, but its list ends at ${end}.`);
  }
  // A short page that is the first, or has others before it, tells the total.
  const told = ended && (keep || read > 0 || offset === 0) ? end : undefined;
  const total = (isBeyond ? undefined : known) ?? told;
  const last = Math.min(end, offset + limit);
  const each = [...rows.values()];
  return {
    rows: each.filter(({ next }) => next > offset && next <= last),
    total,
    end: last,
    more: last < end || (!ended && (total === undefined || last < total)),
    missing,
  };
}

/** What has come, in one map; Backlog's offset, and ours of those that match. */
interface Taken {
  rows: Map<number, Found["rows"][number]>;
  at: number;
  end: number;
  /** Backlog has nothing behind these. */
  ended: boolean;
}

/** Reads pages until there is enough, or no more can be had. */
async function readPages(call: BacklogCall, plan: Plan) {
  const { query, first, spare } = plan;
  const at = plan.keep ? 0 : plan.offset;
  let taken: Taken = { rows: new Map(), at, end: at, ended: at === plan.all };
  let answers: (IssuePage | Error)[] = first ? [first] : [];
  for (;;) {
    for (const page of answers) {
      // Those behind were asked for as if none failed and each were full.
      if (page instanceof Error) break;
      taken = takeIn(taken, page, plan);
      call.progress(taken.rows.size);
      if (page.sent.length < PAGE_SIZE) break;
    }
    const pages = countWanted(taken, plan);
    const failure = answers.find((answer) => answer instanceof Error);
    if (pages <= 0) return { ...taken, failure: undefined };
    if (failure) return { ...taken, failure };
    const left = call.remaining("search") ?? Number.POSITIVE_INFINITY;
    const allowed = spare === undefined ? pages : left - spare;
    if (allowed <= 0) return { ...taken, failure: toSpared(left) };
    answers = await Promise.all(
      Array.from({ length: Math.min(pages, allowed, WAVE) }, (_, index) =>
        valueOrError(readPage(call, query, taken.at + index * PAGE_SIZE)),
      ),
    );
  }
}

function takeIn(before: Taken, { sent }: IssuePage, plan: Plan): Taken {
  const { keep = () => true, all = 0 } = plan;
  const { rows } = before;
  const at = before.at + sent.length;
  let { end } = before;
  for (const { entry: issue } of sent.filter(keep)) {
    end += 1;
    if (issue && !rows.has(issue.id)) rows.set(issue.id, { issue, next: end });
  }
  const isLast = sent.length < PAGE_SIZE && (sent.length === 0 || at > all);
  return { ...before, at, end, ended: isLast || at === all };
}

/** How many pages of Backlog's hold those that are still wanted. */
function countWanted({ at, end, ended }: Taken, plan: Plan): number {
  if (ended) return 0;
  const { most, wanted, all = most } = plan;
  // The others are spread, and cannot be more than there are.
  const others = all - most;
  const share = 1 + others / Math.max(most, 1);
  const behind = Math.max(wanted + others - at, 1);
  return toPages(Math.min((wanted - end) * share, behind));
}

function readPage(call: BacklogCall, query: Query, offset: number) {
  return call.listIssues({ ...query, offset, count: PAGE_SIZE });
}

/** For counts that nobody misses as much as the page they are asked beside. */
function counting(call: BacklogCall, counts: number) {
  const left = call.remaining("search") ?? Number.POSITIVE_INFINITY;
  const isSpared = left - counts - 1 < SPARE_FOR_PAGES;
  return async (query: Query): Promise<Count> =>
    isSpared ? toSpared(left) : await valueOrError(call.countIssues(query));
}

/** Why nothing was asked although nothing failed. */
function toSpared(left: number): Error {
  const rest = left === 0 ? "none is" : left === 1 ? "1 is" : `${left} are`;
  return new Error(
    `Of the searches that Backlog allows in a minute ${rest} left. Try again in a minute.`,
  );
}

function onlyClosed(filters: Query): Query {
  return { ...filters, statusId: [CLOSED] };
}

function less(all: Count, part: Count): Count {
  if (all instanceof Error) return all;
  return part instanceof Error ? part : all - part;
}

function toPages(rows: number): number {
  return Math.ceil(rows / PAGE_SIZE);
}
