import {
  type BacklogCall,
  type IssuePage,
  PAGE_SIZE,
  type Query,
  type Sent,
} from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import type { IssueRow } from "./responses.ts";

/** Which of the issues that match are asked for. */
export interface Span {
  offset: number;
  /** 0: the total alone. */
  limit: number;
  /** How many rows like these can be shown; no more are asked for. */
  capacity: (rows: readonly IssueRow[]) => number;
  /** So many searches are left to others in this minute. */
  spare?: number;
}

export interface Row {
  issue: IssueRow;
  /** The offset of what follows it. */
  next: number;
}

export interface Found {
  rows: Row[];
  /** Of all that match, not of these rows; undefined: not counted. */
  total: number | undefined;
  /** The offset behind all that was read, and whether any follow. */
  end: number;
  more: boolean;
  /** With closed ones too, where they were counted on the way. */
  totalWithClosed?: number;
  /** What is missing, and where counts and rows differ: a sentence each. */
  missing: string[];
}

/** A number, or why there is none: that costs no row already read. */
export type Count = number | Error;

/** One of the issues that match, in their order. */
export interface Place {
  /** Undefined: it could not be read, and counts all the same. */
  issue: IssueRow | undefined;
  /** The offset of the place behind it. */
  next: number;
}

/** What is read, from where, and how far. */
export interface Reading {
  query: Query;
  /** Backlog's offset of the first page. */
  from: number;
  /** Read already, from there. */
  first?: IssuePage;
  /** How many Backlog has in all; undefined: a short page is the last. */
  total: number | undefined;
  /** Those that match, where Backlog was not asked for these alone. */
  keep?: (sent: Sent<IssueRow>) => boolean;
  /** How many of Backlog's are needed besides, after so many; 0: enough. */
  missing: (places: readonly Place[], read: number) => number;
  /** So many searches are left to others in this minute. */
  spare?: number;
}

export interface Pages {
  places: Place[];
  /** The offset behind what was read. */
  end: number;
  /** Whether Backlog has nothing behind it. */
  ended: boolean;
  /** Why not all that was needed could be read. */
  failure?: Error;
}

/** So many pages are under way at once. */
const WAVE = 4;

/**
 * Reads pages until there is enough, each issue once. Behind a page that is
 * shorter than asked it goes on where that one ended, so that none is missed.
 */
export async function readPages(
  call: BacklogCall,
  { query, from, first, total, keep, missing, spare }: Reading,
): Promise<Pages> {
  const places: Place[] = [];
  const seen = new Set<number>();
  let at = from;
  const place = (sent: Sent<IssueRow>, index: number) => {
    if (keep && !keep(sent)) return;
    if (sent.entry && seen.has(sent.entry.id)) return;
    if (sent.entry) seen.add(sent.entry.id);
    const next = keep ? places.length + 1 : at + index + 1;
    places.push({ issue: sent.entry, next });
  };
  const result = (ended: boolean, failure?: Error): Pages => ({
    places,
    end: keep ? places.length : at,
    ended,
    ...(failure && { failure }),
  });
  let waiting = first ? [Promise.resolve(first)] : [];
  while (true) {
    const { pages, failure } = await untilFailure(waiting);
    for (const { sent } of pages) {
      sent.forEach(place);
      at += sent.length;
      call.progress(places.length);
      const isShort = sent.length < PAGE_SIZE;
      if (isShort && (sent.length === 0 || at >= (total ?? 0))) {
        return result(true);
      }
      // The pages behind were asked for as if this one were full.
      if (isShort) break;
    }
    const needed = Math.ceil(missing(places, at) / PAGE_SIZE);
    if (needed <= 0) return result(at === total);
    if (failure) return result(false, failure);
    const left = call.remaining("search") ?? Number.POSITIVE_INFINITY;
    const allowed = spare === undefined ? needed : left - spare;
    if (allowed <= 0) return result(false, toSpared(left));
    waiting = Array.from(
      { length: Math.min(needed, allowed, WAVE) },
      (_, index) =>
        call.listIssues({
          ...query,
          offset: at + index * PAGE_SIZE,
          count: PAGE_SIZE,
        }),
    );
  }
}

/** Goes on behind the first page, as far as rows are wanted and can be shown. */
export async function readOn(
  call: BacklogCall,
  span: Span,
  { query, first, count }: { query: Query; first: IssuePage; count: Count },
): Promise<Found> {
  const { offset, limit } = span;
  const known = isError(count) ? undefined : count;
  const missing: string[] = [];
  const enough = toEnough(span, first.entries);
  const wanted = Math.min(enough, (known ?? offset + PAGE_SIZE) - offset);
  const asked = Math.min(limit, (known ?? offset + PAGE_SIZE) - offset);
  call.expect(asked);
  const { places, end, ended, failure } = await readPages(call, {
    ...spareOf(span),
    query,
    from: offset,
    first,
    total: known,
    missing: (places) => wanted - places.length,
  });
  if (failure) missing.push(toPart(failure, places.length, asked));
  const isBeyond = known !== undefined && places.length > 0 && end > known;
  const isShort = known !== undefined && ended && end < known;
  if (isBeyond || isShort) missing.push(toLie(known, end));
  // A short page that is the first, or has others before it, tells the total.
  const isTold = ended && (first.sent.length > 0 || offset === 0);
  const counted = isBeyond ? undefined : known;
  const total = counted ?? (isTold ? end : undefined);
  return {
    ...cut(places, { offset, limit, end, total, ended }),
    total,
    missing,
  };
}

/** The rows within the limit, and whether any follow. */
export function cut(
  places: readonly Place[],
  {
    offset,
    limit,
    end,
    total,
    ended,
  }: {
    offset: number;
    limit: number;
    end: number;
    total: number | undefined;
    ended: boolean;
  },
): Pick<Found, "rows" | "end" | "more"> {
  const within = places.slice(0, limit);
  const isCut = within.length < places.length;
  const last = isCut ? (within.at(-1)?.next ?? offset) : end;
  return {
    rows: within.flatMap(({ issue, next }) => (issue ? [{ issue, next }] : [])),
    end: last,
    more: isCut || (!ended && (total === undefined || last < total)),
  };
}

/** The limit, or what an answer can show of it. */
export function toEnough({ limit, capacity }: Span, rows: readonly IssueRow[]) {
  return rows.length === 0
    ? limit
    : Math.min(limit, Math.max(capacity(rows), 1));
}

/** For a `Reading`: what the span spares. */
export function spareOf({ spare }: Span) {
  return spare === undefined ? {} : { spare };
}

/** Why rows are missing behind those that were read. */
export function toPart(failure: Error, read: number, wanted: number): string {
  return `Only ${read} of ${wanted} could be read: ${failure.message}`;
}

/** Where Backlog's count and its list differ. */
export function toLie(count: number, rows: number): string {
  return `Backlog counts ${count}, but its list ends at ${rows}.`;
}

/** Whether there is no number. */
export function isError(count: Count | undefined): count is Error {
  return count instanceof Error;
}

/** Why nothing was asked although nothing failed. */
export function toSpared(left: number): Error {
  const searches = left === 1 ? "1 search is" : `${left} searches are`;
  return new Error(
    `Backlog allows so many searches a minute, and only ${searches} left of them. Try again in a minute.`,
  );
}

/** The pages before the first that failed, so that no gap goes unseen. */
async function untilFailure<Entry>(
  requests: Promise<Entry>[],
): Promise<{ pages: Entry[]; failure?: BacklogError }> {
  const pages: Entry[] = [];
  for (const page of await Promise.all(requests.map(valueOrError))) {
    if (page instanceof BacklogError) return { pages, failure: page };
    pages.push(page);
  }
  return { pages };
}

/** What is searched for by its absence. */
export interface Unset {
  /** Nobody's issues, beside those of the people named or instead. */
  nobody: boolean;
  noDueDate: boolean;
}

type Hold = (issue: IssueRow) => boolean;

/** One of the two, as Backlog may be asked for it. */
interface Condition {
  /** The filter, and the search without it. */
  asked: Query;
  alone: Query;
  lifted: Query;
  /** Of an issue that Backlog found by `alone`. */
  isUnset: Hold;
  /** Of an issue that is meant. */
  holds: Hold;
}

/**
 * The filters that Backlog is seen to honour, and what the issues have to be
 * looked at for: neither `assigneeId[]=-1` nor whether each space knows
 * `hasDueDate=false` is documented. Unknown is neither nobody nor none.
 */
export async function applyUnset(
  call: BacklogCall,
  filters: Query,
  { nobody, noDueDate }: Unset,
): Promise<{ filters: Query; holds: Hold[] }> {
  const { assigneeId, ...others } = filters;
  const people = Array.isArray(assigneeId) ? assigneeId : [];
  const conditions: Condition[] = [
    ...(nobody ? [toNobody(people)] : []),
    ...(noDueDate ? [NO_DUE_DATE] : []),
  ];
  const without = nobody ? others : filters;
  const honoured = await Promise.all(
    conditions.map((condition) => isHonoured(call, without, condition)),
  );
  const applied = conditions.map(({ asked, lifted }, index) =>
    honoured[index] ? asked : lifted,
  );
  return {
    filters: Object.assign({}, filters, ...applied),
    holds: conditions
      .filter((_, index) => !honoured[index])
      .map(({ holds }) => holds),
  };
}

function toNobody(people: readonly (string | number)[]): Condition {
  const isUnset: Hold = ({ assignee }) => assignee === null;
  return {
    asked: { assigneeId: [...people, -1] },
    alone: { assigneeId: [-1] },
    lifted: { assigneeId: undefined },
    isUnset,
    holds: (issue) =>
      isUnset(issue) || people.some((id) => id === issue.assignee?.id),
  };
}

const hasNoDueDate: Hold = ({ dueDate }) => dueDate === null;

const NO_DUE_DATE: Condition = {
  asked: { hasDueDate: false },
  alone: { hasDueDate: false },
  lifted: {},
  isUnset: hasNoDueDate,
  holds: hasNoDueDate,
};

/**
 * Whether Backlog applied the filter: it brought something, nothing else, and
 * less than there is without it.
 */
async function isHonoured(
  call: BacklogCall,
  without: Query,
  { alone, isUnset }: Condition,
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
  if (all === 0) return true;
  if (page.entries.length === 0 || !page.entries.every(isUnset)) return false;
  const isWhole = page.sent.length < PAGE_SIZE;
  const found = isWhole ? page.sent.length : await call.countIssues(query);
  return all instanceof BacklogError || found < all;
}

/**
 * The filters, their order turned where Backlog begins with the lowest: which
 * way it sorts priorities is not documented. IDs are 2 High, 3 Normal, 4 Low.
 */
export async function putHighestFirst(
  call: BacklogCall,
  { filters, limit }: { filters: Query; limit: number },
): Promise<Query> {
  if (filters.sort !== "priority" || limit === 0) return filters;
  const [down, up] = await Promise.all(
    ["desc", "asc"].map(async (order) => {
      const query = { ...filters, order, offset: 0, count: 20 };
      const page = await valueOrError(call.listIssues(query));
      if (page instanceof BacklogError) return undefined;
      return page.entries.find(({ priority }) => priority?.id)?.priority?.id;
    }),
  );
  const isTurned = down != null && up != null && down > up;
  if (!isTurned) return filters;
  return { ...filters, order: filters.order === "desc" ? "asc" : "desc" };
}
