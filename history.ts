import {
  type BacklogCall,
  PAGE_SIZE,
  type Query,
  toQueryString,
} from "./backlog.ts";
import { addDays } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import type { History, Told } from "./history-text.ts";
import type { Comment, IssueRow } from "./responses.ts";
import { type Search, searchIssues } from "./search.ts";
import { add, fits, type Size } from "./text.ts";
import { CommentStream, readStatuses } from "./thread.ts";

/** What is asked about, beside the filters. */
export interface HistoryQuestion {
  search: Search;
  /** The first day, and the instants between which something happened. */
  day: string;
  from: number;
  to: number;
  /** Only what these did; empty: what anyone did. */
  people: readonly { id: number; name: string }[];
  room: Size;
  /** What an issue with its history takes of it. */
  measure: (told: Told) => Size;
}

/** More would not be read by anyone, nor paid for by a free plan. */
const MOST_TOLD = 40;
/** Without people to go by, so many of the newest updates at the most. */
const MOST_CANDIDATES = 500;
const MOST_COMMENT_PAGES = 3;
const MOST_ACTIVITY_PAGES = 10;
/** Of comments in one call, whatever they turn out to hold. */
const MOST_PAGES = 60;
/** Of the requests that one minute allows, these are for what comes next. */
const KEPT_REQUESTS = 10;
const BATCH = 4;
/** Of issues: created, updated, commented, several updated at once. */
const ACTIVITY_TYPES = [1, 2, 3, 14];
const BULK_UPDATE = 14;
/** What a query may take, less what the search adds: statuses and the page. */
const QUERY_BYTES = 7_500;

/** The issues that match and in which something happened, each with what. */
export async function readHistory(
  call: BacklogCall,
  question: HistoryQuestion,
): Promise<{ history: History; missing: string[] }> {
  const { issues: candidates, missing } = await findCandidates(call, question);
  const { told, silent, next } = await readIssues(call, question, candidates);
  const statuses = await readStatuses(
    call,
    candidates,
    told.map(({ row, comments }) => ({ issueKey: row.issueKey, comments })),
  );
  const history = {
    told: told.toSorted((a, b) => toNewest(b) - toNewest(a)),
    silent,
    statuses,
    next,
    left: candidates.length - next,
  };
  return { history, missing };
}

/** In the order in which they are looked into. */
interface Candidates {
  issues: IssueRow[];
  /** What of them could not be read: a sentence each. */
  missing: string[];
}

function findCandidates(
  call: BacklogCall,
  question: HistoryQuestion,
): Promise<Candidates> {
  return question.people.length > 0
    ? searchActive(call, question)
    : searchUpdated(call, question);
}

/** Every issue updated since then; the day before is asked for, too. */
async function searchUpdated(
  call: BacklogCall,
  { search, day, from }: HistoryQuestion,
): Promise<Candidates> {
  const { updatedSince } = search.filters;
  // Whose days Backlog counts is not documented: the times decide.
  const before = addDays(day, -1);
  const isLater = typeof updatedSince === "string" && updatedSince > before;
  const filters = {
    ...search.filters,
    updatedSince: isLater ? updatedSince : before,
    sort: "updated",
    order: "desc",
  };
  const issues: IssueRow[] = [];
  const missing: string[] = [];
  let offset = 0;
  for (const limit of [PAGE_SIZE, MOST_CANDIDATES - PAGE_SIZE]) {
    const found = await searchIssues(call, {
      ...search,
      filters,
      offset,
      limit,
      capacity: () => limit,
    });
    issues.push(...found.rows.map(({ issue }) => issue));
    missing.push(...found.missing);
    offset = found.end;
    const since = issues.filter(
      ({ updated }) => !updated || Date.parse(updated) >= from,
    );
    if (!found.more || since.length < issues.length) {
      return { issues: since, missing };
    }
  }
  missing.push(
    `More than ${MOST_CANDIDATES} issues were updated since; only the newest ${MOST_CANDIDATES} are looked at. Narrow the filters.`,
  );
  return { issues, missing };
}

/** Those of the issues in which the people were active that match. */
async function searchActive(
  call: BacklogCall,
  question: HistoryQuestion,
): Promise<Candidates> {
  const { search, people } = question;
  const answers = await Promise.all(
    people.map((person) => valueOrError(readActive(call, person, question))),
  );
  const newest = new Map<number, number>();
  for (const active of answers) {
    if (active instanceof BacklogError) {
      call.notes.add(
        `The activities could not be read: ${active.message} So the issues updated since are looked through instead.`,
      );
      return await searchUpdated(call, question);
    }
    for (const [id, at] of active) {
      newest.set(id, Math.max(at, newest.get(id) ?? 0));
    }
  }
  const parts = await Promise.all(
    splitIds(search.filters, [...newest.keys()]).map((id) =>
      searchIssues(call, {
        ...search,
        filters: { ...search.filters, id },
        offset: 0,
        limit: id.length,
        capacity: () => id.length,
      }),
    ),
  );
  const at = ({ id }: IssueRow) => newest.get(id) ?? 0;
  return {
    issues: parts
      .flatMap(({ rows }) => rows.map(({ issue }) => issue))
      .sort((a, b) => at(b) - at(a)),
    missing: parts.flatMap((part) => part.missing),
  };
}

/** Issues by ID, with when this person last did something in that time. */
async function readActive(
  call: BacklogCall,
  { id, name }: { id: number; name: string },
  { from, to }: HistoryQuestion,
): Promise<Map<number, number>> {
  const newest = new Map<number, number>();
  let maxId: number | undefined;
  let last = "";
  for (let page = 0; page < MOST_ACTIVITY_PAGES; page += 1) {
    const { entries, sent } = await call.listActivities(id, {
      activityTypeId: ACTIVITY_TYPES,
      maxId,
      count: PAGE_SIZE,
    });
    for (const { type, content, created } of entries) {
      last = created;
      const at = Date.parse(created);
      if (at < from || at >= to) continue;
      const issues = type === BULK_UPDATE ? content?.link : [content];
      for (const issue of issues ?? []) {
        if (!issue?.id) continue;
        newest.set(issue.id, Math.max(at, newest.get(issue.id) ?? 0));
      }
    }
    // Whether maxId itself comes again is not documented. What is left out of
    // a page, by BACKLOG_PROJECTS or for its form, has its place all the same.
    const lowest = Math.min(...sent.flatMap((place) => place.id ?? []));
    const isOver = sent.length < PAGE_SIZE || lowest >= (maxId ?? Infinity);
    if (isOver || Date.parse(last) < from) return newest;
    maxId = lowest;
  }
  call.notes.add(
    `Of ${name}, only the newest ${MOST_ACTIVITY_PAGES * PAGE_SIZE} activities were read, back to ${last.slice(0, 10)}. For what is older pass history_until "${last.slice(0, 10)}".`,
  );
  return newest;
}

/** In parts that one request can carry beside the filters. */
function splitIds(filters: Query, ids: readonly number[]): number[][] {
  const room = QUERY_BYTES - toQueryString(filters).length;
  const parts: number[][] = [];
  let left = 0;
  for (const id of ids) {
    const size = toQueryString({ id: [id] }).length;
    if (left < size) {
      parts.push([]);
      left = Math.max(room, size);
    }
    parts.at(-1)?.push(id);
    left -= size;
  }
  return parts;
}

/** From the search's offset on, until enough is told or the room is full. */
async function readIssues(
  call: BacklogCall,
  question: HistoryQuestion,
  candidates: readonly IssueRow[],
) {
  const { search, room, measure, people } = question;
  const most = Math.min(search.limit, MOST_TOLD);
  const told: Told[] = [];
  const silent: string[] = [];
  let used: Size = { characters: 0, tokens: 0 };
  let next = Math.min(search.offset, candidates.length);
  call.expect(Math.min(candidates.length - next, most));
  let pages = 0;
  while (next < candidates.length && told.length < most && pages < MOST_PAGES) {
    const left = call.remaining("read") ?? BATCH + KEPT_REQUESTS;
    const size = Math.min(BATCH, most - told.length, left - KEPT_REQUESTS);
    if (size <= 0) {
      call.notes.add(
        "Backlog allows no more requests in this minute: for the rest wait a minute, then make the next call.",
      );
      break;
    }
    const batch = await Promise.all(
      candidates
        .slice(next, next + size)
        .map((row) => readIssue(call, row, question)),
    );
    for (const issue of batch) {
      if (!issue) return { told, silent, next };
      pages += issue.pages;
      if (issue.comments.length > 0 || issue.isCreated) {
        const total = add(used, measure(issue));
        // One is always told: paging must come on.
        if (told.length > 0 && !fits(total, room))
          return { told, silent, next };
        used = total;
        told.push(issue);
      } else if (people.length === 0 && isWithin(issue.row.updated, question)) {
        silent.push(issue.row.issueKey);
      }
      next += 1;
    }
    call.progress(told.length);
  }
  return { told, silent, next };
}

/** What happened in one issue; undefined where it could not be read. */
async function readIssue(
  call: BacklogCall,
  row: IssueRow,
  question: HistoryQuestion,
): Promise<(Told & { pages: number }) | undefined> {
  const { issueKey, created, createdUser } = row;
  const stream = new CommentStream(call, issueKey, "older");
  const comments: Comment[] = [];
  let pages = 0;
  let isCut = false;
  for (;;) {
    if (stream.waiting === 0 && stream.hasMore) {
      isCut = pages === MOST_COMMENT_PAGES;
      if (isCut) break;
      pages += 1;
    }
    const comment = await stream.peek(PAGE_SIZE);
    if (!comment || Date.parse(comment.created) < question.from) break;
    stream.take();
    const isMeant = isWithin(comment.created, question);
    if (isMeant && isBy(comment.createdUser, question)) comments.push(comment);
  }
  if (stream.failure) {
    call.keep(
      `What happened in ${issueKey} and the issues after it`,
      stream.failure,
    );
    return undefined;
  }
  if (isCut) {
    call.notes.add(
      `Of ${issueKey} only the newest ${MOST_COMMENT_PAGES * PAGE_SIZE} entries were looked through.`,
    );
  }
  const isCreated = isWithin(created, question) && isBy(createdUser, question);
  return { row, comments: comments.reverse(), isCreated, pages };
}

function isWithin(
  instant: string | null | undefined,
  { from, to }: HistoryQuestion,
): boolean {
  const at = Date.parse(instant ?? "");
  return at >= from && at < to;
}

function isBy(
  person: { id?: number | null | undefined } | null | undefined,
  { people }: HistoryQuestion,
): boolean {
  return people.length === 0 || people.some(({ id }) => id === person?.id);
}

function toNewest({ row, comments }: Told): number {
  return Date.parse(comments.at(-1)?.created ?? row.created ?? "");
}
