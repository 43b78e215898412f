import {
  type BacklogCall,
  CLOSED,
  PAGE_SIZE,
  type Page,
  type Query,
} from "./backlog.ts";
import { BacklogError, toMessage } from "./errors.ts";
import type { IssueRow } from "./responses.ts";

/** Open, In Progress and Resolved, likewise. */
const STANDARD_NOT_CLOSED = [1, 2, 3] as const;

/** What a list asks of Backlog, beside its filters. */
export interface Search {
  /** Filters and order in Backlog's names; no status where `notClosed`. */
  filters: Query;
  /** Backlog has no such filter: the custom statuses have to be found. */
  notClosed: boolean;
  offset: number;
  limit: number;
  /** How many rows like these can be shown; no more are asked for. */
  capacity: (rows: readonly IssueRow[]) => number;
}

export interface Found {
  rows: IssueRow[];
  /** Of all that match, not of these rows; undefined: not counted. */
  total: number | undefined;
  /** Whether others may follow, where there is no total to tell. */
  more?: boolean;
  /** With closed ones too, where they were counted on the way. */
  totalWithClosed?: number;
  /** How many of the total no request can reach. */
  missing?: number;
}

/** How many match with closed ones, and without. */
interface Counts {
  all: number;
  total: number;
}

interface Project {
  id: string | number;
  name: string;
}

const MAY_MISS = "issues in custom statuses may be missing.";

/** The rows asked for and their true total, in as few requests as it takes. */
export async function searchIssues(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  return search.notClosed
    ? await searchNotClosed(call, search)
    : await searchDirectly(call, search);
}

async function searchDirectly(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const { filters, offset } = search;
  const [first, early] = await Promise.all([
    firstPage(call, search, filters),
    needsCount(search) ? tryCount(call, filters) : undefined,
  ]);
  const total = await toTotal(call, search, filters, first, early);
  if (typeof total === "number") {
    const rows = await restOfPages(call, search, filters, first.entries, total);
    return { rows, total };
  }
  const read = offset + first.received;
  const rows = await restOfPages(call, search, filters, first.entries, read);
  call.notes.add(`The total could not be counted: ${total.message}`);
  return { rows, total: undefined, more: true };
}

/**
 * Asks for the page of the standard statuses and for what tells whether these
 * are all: only where a custom status is in play does anything else follow.
 */
async function searchNotClosed(
  call: BacklogCall,
  search: Search,
): Promise<Found> {
  const standard = { ...search.filters, statusId: STANDARD_NOT_CLOSED };
  const closed = { ...search.filters, statusId: [CLOSED] };
  const [first, all, allClosed, early] = await Promise.all([
    firstPage(call, search, standard),
    tryCount(call, search.filters),
    tryCount(call, closed),
    needsCount(search) ? tryCount(call, standard) : undefined,
  ]);
  const inStandard = await toTotal(call, search, standard, first, early);
  if (
    typeof all !== "number" ||
    typeof allClosed !== "number" ||
    typeof inStandard !== "number"
  ) {
    const counts = { all, allClosed, inStandard };
    return await searchStandard(call, search, standard, first, counts);
  }
  const total = all - allClosed;
  if (total <= inStandard) {
    const { entries } = first;
    const rows = await restOfPages(call, search, standard, entries, inStandard);
    return { rows, total: inStandard, totalWithClosed: all };
  }
  if (search.offset >= total) {
    return { rows: [], total, totalWithClosed: all };
  }
  const found = await searchWithCustomStatuses(call, search, { all, total });
  return { ...found, totalWithClosed: all };
}

/** What the standard statuses hold, where a count failed: better than nothing. */
async function searchStandard(
  call: BacklogCall,
  search: Search,
  filters: Query,
  first: Page<IssueRow>,
  counts: { all: Count; allClosed: Count; inStandard: Count },
): Promise<Found> {
  const { all, allClosed, inStandard } = counts;
  const { offset } = search;
  const known = typeof inStandard === "number" ? inStandard : undefined;
  const end = known ?? offset + first.received;
  const rows = await restOfPages(call, search, filters, first.entries, end);
  const total =
    typeof all === "number" && typeof allClosed === "number"
      ? all - allClosed
      : undefined;
  const what = total === undefined ? "The total" : "The standard statuses";
  const why = [all, allClosed, inStandard].find(
    (count) => typeof count !== "number",
  );
  call.notes.add(
    `${what} could not be counted: ${toMessage(why)} Therefore ${MAY_MISS}`,
  );
  return {
    rows,
    total,
    more: known === undefined || offset + rows.length < known,
    ...(typeof all === "number" && { totalWithClosed: all }),
  };
}

/** By the cheaper way: all pages less the closed, or the projects' statuses. */
async function searchWithCustomStatuses(
  call: BacklogCall,
  search: Search,
  counts: Counts,
): Promise<Found> {
  const { filters, limit, offset } = search;
  const wantedPages = toPages(Math.min(limit, counts.total - offset));
  const named = toList(filters.projectId);
  let projects =
    named.length > 0
      ? named.map((id) => ({ id, name: `project ${id}` }))
      : undefined;
  return await searchAndDropClosed(call, search, counts, async (pages) => {
    // Listing them, one project's statuses and a page: no less is possible.
    if (!projects && pages <= 3) return undefined;
    projects ??= await listProjects(call);
    return projects.length > 0 && pages > projects.length + wantedPages
      ? await searchByStatuses(call, search, counts, projects)
      : undefined;
  });
}

/** None where they cannot be listed: there is another way. */
async function listProjects(call: BacklogCall): Promise<Project[]> {
  const { pages } = await untilFailure([call.listProjects()]);
  return pages.flat().map(({ id, projectKey }) => ({ id, name: projectKey }));
}

async function searchAndDropClosed(
  call: BacklogCall,
  search: Search,
  { all, total }: Counts,
  /** Another way, where it costs less than so many pages. */
  findCheaper: (pages: number) => Promise<Found | undefined> = async () =>
    undefined,
): Promise<Found> {
  const wanted = Math.min(search.offset + search.limit, total);
  const lastPage = toPages(all);
  const open = new Map<number, IssueRow>();
  let failure: BacklogError | undefined;
  let enough = wanted;
  let capacity: number | undefined;
  let page = 0;
  while (page < lastPage && open.size < enough) {
    // As if the closed ones were spread evenly, until the pages tell more.
    const rowsForOne =
      (page * PAGE_SIZE * total + all) / ((open.size + 1) * total);
    const rowsAtMost = enough + all - total - page * PAGE_SIZE;
    const expected = toPages(
      Math.max(Math.min((enough - open.size) * rowsForOne, rowsAtMost), 1),
    );
    const other = await untilFailure([findCheaper(expected)]);
    if (other.pages[0]) return other.pages[0];
    failure = other.note;
    if (failure) break;
    const { pages, note } = await untilFailure(
      Array.from({ length: Math.min(expected, 4) }, (_, index) =>
        call.listIssues({
          ...search.filters,
          offset: (page + index) * PAGE_SIZE,
          count: PAGE_SIZE,
        }),
      ),
    );
    for (const row of pages.flatMap(({ entries }) => entries)) {
      if (row.status.id !== CLOSED) open.set(row.id, row);
    }
    if (capacity === undefined && open.size > 0) {
      capacity = Math.max(search.capacity([...open.values()]), 1);
      enough = Math.min(wanted, search.offset + capacity);
    }
    page += pages.length;
    call.expect(wanted);
    call.progress(Math.min(open.size, wanted));
    if (open.size < enough) failure = note;
    if (failure) break;
    if (pages.some(({ received }) => received < PAGE_SIZE)) break;
  }
  if (failure && open.size <= search.offset) throw failure;
  const rows = [...open.values()].slice(
    search.offset,
    search.offset + search.limit,
  );
  if (failure) call.notes.add(toPartNote(failure, open.size, wanted));
  return { rows, total: Math.max(total, open.size) };
}

async function searchByStatuses(
  call: BacklogCall,
  search: Search,
  counts: Counts,
  projects: Project[],
): Promise<Found> {
  const answers = await Promise.allSettled(
    projects.map(({ id }) => call.listProjectChoices(id, "statuses")),
  );
  call.signal.throwIfAborted();
  const statuses = new Set<number>(STANDARD_NOT_CLOSED);
  let isPartial = false;
  answers.forEach((answer, index) => {
    if (answer.status === "fulfilled") {
      for (const { id } of answer.value) if (id !== CLOSED) statuses.add(id);
    } else {
      const name = projects[index]?.name;
      isPartial = true;
      call.notes.add(
        `The statuses of ${name} could not be read: ${toMessage(answer.reason)}`,
      );
    }
  });
  const filters = { ...search.filters, statusId: [...statuses] };
  let first: Page<IssueRow>;
  try {
    first = await firstPage(call, search, filters);
  } catch (error) {
    // Too long for one request, or statuses of other projects are refused.
    const unable =
      error instanceof BacklogError && (error.status ?? 400) === 400;
    if (!unable) throw error;
    return await searchAndDropClosed(call, search, counts);
  }
  const whole = first.received < PAGE_SIZE && search.offset === 0;
  const counted = whole ? first.received : await tryCount(call, filters);
  const found = typeof counted === "number" ? counted : counts.total;
  const rows = await restOfPages(call, search, filters, first.entries, found);
  const missing = counts.total - found;
  if (typeof counted !== "number") {
    isPartial = true;
    call.notes.add(
      `How many of the ${counts.total} these statuses hold could not be counted: ${counted.message} Therefore ${MAY_MISS}`,
    );
  }
  if (missing > 0) {
    const why = isPartial ? "see above" : "no project lists their status";
    call.notes.add(
      `${missing} of the ${counts.total} that are not closed are missing here, in custom statuses that could not be found (${why}).`,
    );
  }
  return {
    rows,
    total: counts.total,
    missing: Math.max(missing, 0),
  };
}

function firstPage(call: BacklogCall, search: Search, filters: Query) {
  return call.listIssues({
    ...filters,
    offset: search.offset,
    count: PAGE_SIZE,
  });
}

type Count = number | BacklogError;

/** A count, or why there is none: that costs no row already read. */
async function tryCount(call: BacklogCall, filters: Query): Promise<Count> {
  try {
    return await call.countIssues(filters);
  } catch (error) {
    // An answer in a form not known asks for a newer version, not for a note.
    if (error instanceof BacklogError && error.status !== 200) return error;
    throw error;
  }
}

/** How many match: counted early, told by a page that is the last, or counted. */
async function toTotal(
  call: BacklogCall,
  { offset }: Search,
  filters: Query,
  { received }: Page<IssueRow>,
  early: Count | undefined,
): Promise<Count> {
  if (typeof early === "number") return early;
  const isLast = received < PAGE_SIZE && (received > 0 || offset === 0);
  if (isLast) return offset + received;
  return early ?? (await tryCount(call, filters));
}

// Asked at once where the first page alone cannot tell the total.
function needsCount({ offset, limit }: Search): boolean {
  return offset > 0 || limit > PAGE_SIZE;
}

/** The pages behind the first, at once, as far as they can be shown. */
async function restOfPages(
  call: BacklogCall,
  search: Search,
  filters: Query,
  first: IssueRow[],
  total: number,
): Promise<IssueRow[]> {
  const wanted = Math.min(search.limit, Math.max(total - search.offset, 0));
  const most = Math.min(wanted, Math.max(search.capacity(first), 1));
  const rows = new Map(first.map((row) => [row.id, row]));
  const more = Math.max(toPages(most) - 1, 0);
  if (more === 0) return [...rows.values()].slice(0, search.limit);
  call.expect(wanted);
  call.progress(first.length);
  let done = first.length;
  const { pages, note } = await untilFailure(
    Array.from({ length: more }, async (_, index) => {
      const page = await call.listIssues({
        ...filters,
        offset: search.offset + (index + 1) * PAGE_SIZE,
        count: PAGE_SIZE,
      });
      done += page.entries.length;
      call.progress(Math.min(done, wanted));
      return page;
    }),
  );
  for (const row of pages.flatMap(({ entries }) => entries))
    rows.set(row.id, row);
  if (note) call.notes.add(toPartNote(note, rows.size, wanted));
  return [...rows.values()].slice(0, search.limit);
}

/** The pages before the first that failed, so that no gap goes unseen. */
async function untilFailure<Entry>(
  requests: Promise<Entry>[],
): Promise<{ pages: Entry[]; note?: BacklogError }> {
  const pages: Entry[] = [];
  const answers = await Promise.allSettled(requests);
  for (const answer of answers) {
    if (answer.status === "fulfilled") pages.push(answer.value);
    else if (answer.reason instanceof BacklogError) {
      return { pages, note: answer.reason };
    } else throw answer.reason;
  }
  return { pages };
}

function toPartNote(error: BacklogError, rows: number, wanted: number): string {
  return `Only ${rows} of ${wanted} could be read: ${error.message}`;
}

function toPages(rows: number): number {
  return Math.ceil(rows / PAGE_SIZE);
}

function toList(value: Query[string]): readonly (string | number)[] {
  if (value === undefined || typeof value === "boolean") return [];
  return typeof value === "object" ? value : [value];
}
