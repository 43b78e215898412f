import { type BacklogCall, PAGE_SIZE, type Query } from "./backlog.ts";
import { BacklogError, toMessage } from "./errors.ts";
import type { Comment, IssueRow } from "./responses.ts";

/** Closed has this ID in every project, whatever its name. */
export const CLOSED = 4;
/** Open, In Progress and Resolved, likewise. */
export const STANDARD_NOT_CLOSED = [1, 2, 3] as const;

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
  onProgress?: (rows: number, total: number) => void;
}

export interface Found {
  rows: IssueRow[];
  /** Of all that match, not of these rows. */
  total: number;
  /** With closed ones too, where they were counted on the way. */
  totalWithClosed?: number;
  /** How many of the total no request can reach. */
  missing?: number;
  /** What could not be read, in sentences. */
  notes: string[];
}

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
  const [first, early] = await Promise.all([
    firstPage(call, search, search.filters),
    needsCount(search) ? call.countIssues(search.filters) : undefined,
  ]);
  const total =
    early ??
    (first.received < PAGE_SIZE
      ? first.received
      : await call.countIssues(search.filters));
  return {
    ...(await restOfPages(call, search, search.filters, first.entries, total)),
    total,
  };
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
    call.countIssues(search.filters),
    call.countIssues(closed),
    needsCount(search) ? call.countIssues(standard) : undefined,
  ]);
  const inStandard =
    early ??
    (first.received < PAGE_SIZE
      ? first.received
      : await call.countIssues(standard));
  const total = all - allClosed;
  if (total <= inStandard) {
    const rest = await restOfPages(
      call,
      search,
      standard,
      first.entries,
      inStandard,
    );
    return { ...rest, total: inStandard, totalWithClosed: all };
  }
  if (search.offset >= total) {
    return { rows: [], total, totalWithClosed: all, notes: [] };
  }
  const found = await searchWithCustomStatuses(call, search, { all, total });
  return { ...found, totalWithClosed: all };
}

/** By the cheaper way: all pages less the closed, or the projects' statuses. */
async function searchWithCustomStatuses(
  call: BacklogCall,
  search: Search,
  counts: { all: number; total: number },
): Promise<Found> {
  const { all, total } = counts;
  const wanted = Math.min(search.offset + search.limit, total);
  // As if the closed ones were spread evenly; they are rarely newest.
  const pages = toPages(Math.min(all, (wanted * all) / total));
  const wantedPages = toPages(Math.min(search.limit, total - search.offset));
  const projects = toList(search.filters.projectId);
  if (
    projects.length > 0 ? pages <= projects.length + wantedPages : pages <= 3
  ) {
    return await searchAndDropClosed(call, search, counts);
  }
  const known =
    projects.length > 0
      ? projects.map((id) => ({ id, name: `project ${id}` }))
      : (await call.listProjects()).map(({ id, projectKey }) => ({
          id,
          name: projectKey,
        }));
  if (pages <= known.length + wantedPages) {
    return await searchAndDropClosed(call, search, counts);
  }
  return await searchByStatuses(call, search, counts, known);
}

async function searchAndDropClosed(
  call: BacklogCall,
  search: Search,
  { all, total }: { all: number; total: number },
): Promise<Found> {
  const wanted = Math.min(search.offset + search.limit, total);
  const lastPage = toPages(all);
  const open = new Map<number, IssueRow>();
  const notes: string[] = [];
  let enough = wanted;
  let capacity: number | undefined;
  let page = 0;
  while (page < lastPage && open.size < enough) {
    const share = open.size > 0 ? open.size / (page * PAGE_SIZE) : total / all;
    const expected = toPages((enough - open.size) / share);
    const wave = Math.min(Math.max(expected, 1), 4, lastPage - page);
    const { pages, note } = await untilFailure(
      Array.from({ length: wave }, (_, index) =>
        call.listIssues({
          ...search.filters,
          offset: (page + index) * PAGE_SIZE,
          count: PAGE_SIZE,
        }),
      ),
    );
    if (note && page + pages.length === 0) throw note;
    for (const row of pages.flatMap(({ entries }) => entries)) {
      if (row.status.id !== CLOSED) open.set(row.id, row);
    }
    if (capacity === undefined && open.size > 0) {
      capacity = Math.max(search.capacity([...open.values()]), 1);
      enough = Math.min(wanted, search.offset + capacity);
    }
    page += pages.length;
    search.onProgress?.(Math.min(open.size, wanted), wanted);
    if (note) {
      notes.push(toPartNote(note, open.size, wanted));
      break;
    }
    if (pages.some(({ received }) => received < PAGE_SIZE)) break;
  }
  const rows = [...open.values()].slice(
    search.offset,
    search.offset + search.limit,
  );
  return { rows, total: Math.max(total, open.size), notes };
}

async function searchByStatuses(
  call: BacklogCall,
  search: Search,
  counts: { all: number; total: number },
  projects: { id: string | number; name: string }[],
): Promise<Found> {
  const answers = await Promise.allSettled(
    projects.map(({ id }) => call.listProjectChoices(id, "statuses")),
  );
  call.signal.throwIfAborted();
  const statuses = new Set<number>(STANDARD_NOT_CLOSED);
  const notes: string[] = [];
  answers.forEach((answer, index) => {
    if (answer.status === "fulfilled") {
      for (const { id } of answer.value) if (id !== CLOSED) statuses.add(id);
    } else {
      const name = projects[index]?.name;
      notes.push(
        `The statuses of ${name} could not be read: ${toMessage(answer.reason)}`,
      );
    }
  });
  const filters = { ...search.filters, statusId: [...statuses] };
  let first: Awaited<ReturnType<typeof firstPage>>;
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
  const found = whole ? first.received : await call.countIssues(filters);
  const rest = await restOfPages(call, search, filters, first.entries, found);
  const missing = counts.total - found;
  if (missing > 0) {
    const why =
      notes.length > 0 ? "see above" : "no project lists their status";
    notes.push(
      `${missing} of the ${counts.total} that are not closed are missing here, in custom statuses that could not be found (${why}).`,
    );
  }
  return {
    rows: rest.rows,
    total: counts.total,
    missing: Math.max(missing, 0),
    notes: [...notes, ...rest.notes],
  };
}

function firstPage(call: BacklogCall, search: Search, filters: Query) {
  return call.listIssues({
    ...filters,
    offset: search.offset,
    count: PAGE_SIZE,
  });
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
): Promise<{ rows: IssueRow[]; notes: string[] }> {
  const wanted = Math.min(search.limit, Math.max(total - search.offset, 0));
  const most = Math.min(wanted, Math.max(search.capacity(first), 1));
  const rows = new Map(first.map((row) => [row.id, row]));
  const more = Math.max(toPages(most) - 1, 0);
  if (more === 0)
    return { rows: [...rows.values()].slice(0, search.limit), notes: [] };
  search.onProgress?.(first.length, wanted);
  let done = first.length;
  const { pages, note } = await untilFailure(
    Array.from({ length: more }, async (_, index) => {
      const page = await call.listIssues({
        ...filters,
        offset: search.offset + (index + 1) * PAGE_SIZE,
        count: PAGE_SIZE,
      });
      done += page.entries.length;
      search.onProgress?.(Math.min(done, wanted), wanted);
      return page;
    }),
  );
  for (const row of pages.flatMap(({ entries }) => entries))
    rows.set(row.id, row);
  return {
    rows: [...rows.values()].slice(0, search.limit),
    notes: note ? [toPartNote(note, rows.size, wanted)] : [],
  };
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

/**
 * Comments of an issue in one direction from a place, page after page. Whether
 * `minId` and `maxId` are inclusive is not documented, so none comes twice.
 */
export class CommentStream {
  #buffer: Comment[] = [];
  #boundary: number | undefined;
  #ended = false;
  #failed: BacklogError | undefined;
  #page: Promise<void> | undefined;

  constructor(
    private readonly call: BacklogCall,
    private readonly key: string,
    private readonly direction: "older" | "newer",
    /** Only comments beyond this ID; undefined: from the newest. */
    from?: number,
  ) {
    this.#boundary = from;
  }

  /** Why it ended early, where it did. */
  get failure(): BacklogError | undefined {
    return this.#failed;
  }

  /** Whether it holds or may still find more. */
  get hasMore(): boolean {
    return this.#buffer.length > 0 || !this.readToEnd;
  }

  /** Whether every comment in this direction has been read. */
  get readToEnd(): boolean {
    return this.#ended && this.#failed === undefined;
  }

  /** How many are read but not taken. */
  get waiting(): number {
    return this.#buffer.length;
  }

  /** Asks for the next page, at most `count` comments, unless it is here. */
  async prefetch(count = PAGE_SIZE): Promise<void> {
    if (this.#ended || this.#buffer.length > 0) return;
    this.#page ??= this.#read(count).finally(() => {
      this.#page = undefined;
    });
    await this.#page;
  }

  /** The next one without taking it; `count` is asked for where none waits. */
  async peek(count: number): Promise<Comment | undefined> {
    while (this.#buffer.length === 0 && !this.#ended)
      await this.prefetch(count);
    return this.#buffer[0];
  }

  take(): Comment | undefined {
    return this.#buffer.shift();
  }

  async #read(count: number): Promise<void> {
    // An inclusive page holds its boundary: one comment more is one of news.
    const asked = Math.min(Math.max(count + 1, 2), PAGE_SIZE);
    const older = this.direction === "older";
    const boundary = this.#boundary;
    try {
      const { entries, received } = await this.call.listComments(this.key, {
        ...(older ? { maxId: boundary } : { minId: boundary }),
        order: older ? "desc" : "asc",
        count: asked,
      });
      const fresh = entries
        .filter(({ id }) => {
          if (boundary === undefined) return true;
          return older ? id < boundary : id > boundary;
        })
        .sort((a, b) => (older ? b.id - a.id : a.id - b.id));
      this.#buffer.push(...fresh);
      this.#boundary = fresh.at(-1)?.id ?? boundary;
      this.#ended = received < asked || fresh.length === 0;
    } catch (error) {
      if (!(error instanceof BacklogError)) throw error;
      this.#failed = error;
      this.#ended = true;
    }
  }
}
