import {
  type BacklogCall,
  CLOSED,
  type IssuePage,
  PAGE_SIZE,
  type Query,
  type Sent,
} from "./backlog.ts";
import { BacklogError, toMessage, valueOrError } from "./errors.ts";
import {
  applyUnset,
  type Count,
  cut,
  type Found,
  isError,
  putHighestFirst,
  readOn,
  readPages,
  type Span,
  spareOf,
  toEnough,
  toLie,
  toPart,
  toSpared,
  type Unset,
} from "./pages.ts";
import type { IssueRow } from "./responses.ts";

/** Open, In Progress and Resolved have these IDs in every project. */
const STANDARD_NOT_CLOSED = [1, 2, 3] as const;

/** What a list asks of Backlog, beside its filters. */
export interface Search extends Span, Unset {
  /** Filters and order in Backlog's names; no status where `notClosed`. */
  filters: Query;
  /** Backlog has no such filter: the custom statuses have to be found. */
  notClosed: boolean;
}

/** How many match with closed ones, and without. */
interface Counts {
  all: number;
  total: number;
}

/** As many are read one by one where Backlog cannot be asked for them alone. */
export const MOST_READ = 3_000;

/** What a way may send at most, of the 100 requests of a call. */
const MOST_LOOK_UPS = 70;

/** Searches that the counts beside a page leave in a minute. */
const SPARE_FOR_PAGES = 5;

const MAY_MISS = "issues in custom statuses may be missing.";

/**
 * The rows asked for and their true total, in as few requests as it takes. An
 * offset counts whatever matches, in order, what cannot be read included.
 */
export async function searchIssues(
  call: BacklogCall,
  asked: Search,
): Promise<Found> {
  const search = { ...asked, filters: await putHighestFirst(call, asked) };
  const { filters, holds } = await applyUnset(call, search.filters, search);
  const applied = { ...search, filters };
  const found =
    holds.length > 0
      ? await searchOneByOne(call, applied, holds)
      : search.limit === 0
        ? await countAlone(call, applied)
        : search.notClosed
          ? await searchNotClosed(call, applied)
          : await searchAsFiltered(call, applied);
  const closed = found.rows.filter(({ issue }) => issue.status.id === CLOSED);
  if (search.notClosed && closed.length > 0) {
    found.missing.push(
      `Backlog sent ${closed.length} closed ones among those that are not.`,
    );
  }
  return found;
}

async function searchAsFiltered(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const { filters } = search;
  const [first, [count = 0]] = await Promise.all([
    firstPage(call, search, filters),
    countBeside(call, [filters]),
  ]);
  const found = await readOn(call, search, { query: filters, first, count });
  if (isError(count) && found.total === undefined) {
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
  const standard = { ...filters, statusId: STANDARD_NOT_CLOSED };
  const closed = { ...filters, statusId: [CLOSED] };
  const cannotTell = offset > 0 || limit > PAGE_SIZE;
  const [first, [all = 0, allClosed = 0, early]] = await Promise.all([
    firstPage(call, search, standard),
    countBeside(call, [filters, closed, ...(cannotTell ? [standard] : [])]),
  ]);
  const isLast =
    first.sent.length < PAGE_SIZE && (first.sent.length > 0 || offset === 0);
  const told = isLast ? offset + first.sent.length : undefined;
  const inStandard =
    typeof early === "number"
      ? early
      : (told ?? early ?? (await countBeside(call, [standard]))[0] ?? 0);
  const page = { query: standard, first, count: inStandard };
  const totalWithClosed = typeof all === "number" ? all : undefined;
  const counts = [all, allClosed, inStandard].filter(
    (count) => typeof count === "number",
  );
  const total =
    typeof all === "number" && typeof allClosed === "number"
      ? all - allClosed
      : undefined;
  if (total === undefined || counts.length < 3) {
    const found = await readOn(call, search, page);
    const failed = [all, allClosed, inStandard].find(isError);
    const what = total === undefined ? "The total" : "The standard statuses";
    found.missing.push(
      `${what} could not be counted: ${toMessage(failed)} Therefore ${MAY_MISS}`,
    );
    return { ...found, total, ...(totalWithClosed && { totalWithClosed }) };
  }
  const known = { all: Number(all), total };
  const found =
    total <= Number(inStandard)
      ? await readOn(call, search, page)
      : offset >= total
        ? { rows: [], total, end: offset, more: false, missing: [] }
        : await searchCustomStatuses(call, search, known, first);
  return { ...found, totalWithClosed: known.all };
}

/**
 * By the cheaper of two ways, chosen once: all pages less the closed, or the
 * projects' statuses.
 */
async function searchCustomStatuses(
  call: BacklogCall,
  search: Search,
  counts: Counts,
  { entries }: IssuePage,
): Promise<Found> {
  const { filters, offset } = search;
  const { all, total } = counts;
  const limit = toEnough(search, entries);
  const wanted = Math.min(offset + limit, total);
  // Newest first the closed ones are spread or further back; in another order
  // they may all come first.
  const newestFirst =
    filters.order === "desc" && /^(updated|created)$/.test(`${filters.sort}`);
  const spread = newestFirst
    ? (wanted * all) / total
    : Number.POSITIVE_INFINITY;
  const pages = toPages(Math.min(spread, wanted + all - total));
  const named = toList(filters.projectId);
  const projects =
    named.length > 0
      ? named.map((id) => ({ id, name: `project ${id}` }))
      : // Listing them, one project's statuses and a page: no less is possible.
        pages > 3
        ? await listProjects(call)
        : [];
  const lookUps = projects.length + toPages(wanted - offset);
  const byStatuses =
    projects.length > 0 && lookUps < pages && lookUps <= MOST_LOOK_UPS
      ? await searchByStatuses(call, search, counts, projects)
      : undefined;
  return (
    byStatuses ?? (await searchLessClosed(call, { ...search, limit }, counts))
  );
}

interface Project {
  id: string | number;
  name: string;
}

/** None where they cannot be listed: there is another way. */
async function listProjects(call: BacklogCall): Promise<Project[]> {
  const projects = await valueOrError(call.listProjects());
  return projects instanceof BacklogError
    ? []
    : projects.map(({ id, projectKey }) => ({ id, name: projectKey }));
}

async function searchLessClosed(
  call: BacklogCall,
  search: Search,
  { all, total }: Counts,
): Promise<Found> {
  const { filters, offset, limit } = search;
  const wanted = Math.min(offset + limit, total);
  call.expect(wanted);
  const { places, end, ended, failure } = await readPages(call, {
    ...spareOf(search),
    query: filters,
    from: 0,
    total: all,
    keep: ({ isClosed }) => !isClosed,
    missing: (places, read) => {
      const open = wanted - places.length;
      const rowsForOne = Math.max(all / total, read / (places.length + 1));
      const most = Math.max(wanted + all - total - read, 1);
      return Math.min(open * rowsForOne, most);
    },
  });
  if (failure && places.length <= offset) throw failure;
  const missing: string[] = [];
  if (failure) missing.push(toPart(failure, places.length, wanted));
  if (ended && places.length < wanted) {
    missing.push(toLie(total, places.length));
  }
  return {
    ...cut(places.slice(offset), { ...search, end, total, ended }),
    total: Math.max(total, places.length),
    missing,
  };
}

/** Undefined where Backlog does not take so many or such statuses. */
async function searchByStatuses(
  call: BacklogCall,
  search: Search,
  { total }: Counts,
  projects: readonly Project[],
): Promise<Found | undefined> {
  const missing: string[] = [];
  const { statuses, unread } = await listStatuses(call, projects);
  const query = { ...search.filters, statusId: statuses };
  const first = await valueOrError(firstPage(call, search, query));
  if (first instanceof BacklogError) {
    if ([400, 414].includes(first.status ?? 400)) return undefined;
    throw first;
  }
  const isWhole = first.sent.length >= total && search.offset === 0;
  const [count = 0] = isWhole
    ? [first.sent.length]
    : await countBeside(call, [query]);
  if (isError(count)) {
    missing.push(
      `How many of the ${total} these statuses hold could not be counted: ${count.message} Therefore ${MAY_MISS}`,
    );
  } else if (total > count) {
    const why = unread ? "see the notes" : "no project lists their status";
    missing.push(
      `${total - count} of the ${total} that are not closed are missing here, in custom statuses that could not be found (${why}).`,
    );
  }
  const counted = isError(count) ? total : count;
  const found = await readOn(call, search, { query, first, count: counted });
  return { ...found, total, missing: [...missing, ...found.missing] };
}

/** All but closed; what cannot be read is noted. */
async function listStatuses(
  call: BacklogCall,
  projects: readonly Project[],
): Promise<{ statuses: number[]; unread: boolean }> {
  const answers = await Promise.all(
    projects.map(({ id }) =>
      valueOrError(call.listProjectChoices(id, "statuses")),
    ),
  );
  call.signal.throwIfAborted();
  const listed = answers.map((answer, index) =>
    call.keep(`The statuses of ${projects[index]?.name}`, answer),
  );
  const ids = listed.flatMap((statuses = []) => statuses.map(({ id }) => id));
  return {
    statuses: [...new Set([...STANDARD_NOT_CLOSED, ...ids])].filter(
      (id) => id !== CLOSED,
    ),
    unread: listed.includes(undefined),
  };
}

/** Reads what Backlog cannot be asked for, and keeps what fits. */
async function searchOneByOne(
  call: BacklogCall,
  search: Search,
  holds: readonly ((issue: IssueRow) => boolean)[],
): Promise<Found> {
  const { filters, notClosed, offset, limit } = search;
  const standard = { ...filters, statusId: STANDARD_NOT_CLOSED };
  const closed = { ...filters, statusId: [CLOSED] };
  const [all = 0, allClosed = 0, inStandard = 0] = await countBeside(call, [
    filters,
    ...(notClosed ? [closed, standard] : []),
  ]);
  const isStandard =
    notClosed &&
    ![all, allClosed, inStandard].some(isError) &&
    Number(all) - Number(allClosed) <= Number(inStandard);
  const count = isStandard ? inStandard : all;
  const total = isError(count) ? undefined : count;
  if (total !== undefined && total > MOST_READ) {
    throw new Error(
      `Whose assignee is nobody, or which have no due date, could not be told: Backlog does not show by itself that it searches for these, and ${total} issues are more than the ${MOST_READ} that are read one by one. Name a project, or days such as updated_since.`,
    );
  }
  const { places, ended, failure } = await readPages(call, {
    query: isStandard ? standard : filters,
    from: 0,
    total,
    keep: ({ entry, isClosed }: Sent<IssueRow>) =>
      !(notClosed && isClosed) &&
      (entry === undefined || holds.every((hold) => hold(entry))),
    missing: (_, read) => (total ?? MOST_READ) - read,
  });
  if (failure && places.length <= offset) throw failure;
  const end = places.length;
  return {
    ...cut(places.slice(offset), {
      offset,
      limit,
      end,
      total: undefined,
      ended,
    }),
    total: ended ? end : undefined,
    missing: ended
      ? []
      : [
          `Not all could be read one by one, so that others may match${failure ? `: ${failure.message}` : "."}`,
        ],
  };
}

async function countAlone(call: BacklogCall, search: Search): Promise<Found> {
  const { filters, notClosed, offset } = search;
  const [all, closed] = await Promise.all([
    call.countIssues(filters),
    notClosed ? call.countIssues({ ...filters, statusId: [CLOSED] }) : 0,
  ]);
  const total = Math.max(all - closed, 0);
  return {
    rows: [],
    total,
    end: offset,
    more: total > offset,
    ...(notClosed && { totalWithClosed: all }),
    missing: [],
  };
}

function firstPage(call: BacklogCall, { offset }: Search, query: Query) {
  return call.listIssues({ ...query, offset, count: PAGE_SIZE });
}

/** Counts that nobody misses as much as the page they are asked beside. */
async function countBeside(
  call: BacklogCall,
  queries: readonly Query[],
): Promise<Count[]> {
  const left = call.remaining("search") ?? Number.POSITIVE_INFINITY;
  return await Promise.all(
    queries.map((query) =>
      left - queries.length - 1 < SPARE_FOR_PAGES
        ? toSpared(left)
        : valueOrError(call.countIssues(query)),
    ),
  );
}

function toPages(rows: number): number {
  return Math.ceil(rows / PAGE_SIZE);
}

function toList(value: Query[string]): readonly (string | number)[] {
  if (value === undefined || typeof value === "boolean") return [];
  return typeof value === "object" ? value : [value];
}
