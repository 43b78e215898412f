import type { BacklogCall } from "./backlog.ts";
import { addDays, formatInstant } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { formatChanges, type Pen, type View } from "./facts.ts";
import { type Query, toQueryString } from "./http.ts";
import { formatText } from "./issue-text.ts";
import { ROWS_SIZE } from "./list-text.ts";
import { listLabels } from "./matching.ts";
import { type Comment, type IssueRow, PAGE_SIZE } from "./responses.ts";
import { type Search, searchIssues } from "./search.ts";
import {
  ANSWER_SIZE,
  add,
  Cleaner,
  fits,
  formatCount,
  namePeople,
  type Person,
  type Size,
  share,
  sizeOf,
  takeWhileFitting,
} from "./text.ts";
import { CommentStream, readStatuses } from "./thread.ts";

/** What is asked about, beside the filters. */
interface HistoryQuestion {
  search: Search;
  /** The first day, and the instants between which something happened. */
  day: string;
  from: number;
  to: number;
  view: HistoryView;
  /** Only what these did; empty: what anyone did. */
  people: readonly { id: number; name: string }[];
  /** Whether Backlog found it rightly. */
  isFitting: (row: IssueRow) => boolean;
  /** What an issue's row takes of it. */
  measure: (row: IssueRow) => Size;
}

/** Of the space's zone, only what it is known to be. */
type HistoryView = View &
  Pick<Pen, "spaceTimeZone"> & { namesakes: readonly Person[] };

/** An issue in which something happened. */
interface Told {
  row: IssueRow;
  /** Comments and changes of that time, oldest first. */
  comments: Comment[];
  /** Whether it was created in that time. */
  isCreated: boolean;
}

/** What happened in the issues of a list. */
interface History {
  /** Newest activity first. */
  told: Told[];
  /** Keys of those whose update left no entry. */
  silent: string[];
  /** Statuses by ID, for changes that name only that. */
  statuses: ReadonlyMap<number, string>;
  /** How many were found, those that do not fit included. */
  found: number;
  /** The offsets where looking into them began, and where it ended. */
  offset: number;
  next: number;
  /** How many these are. */
  left: number;
  /** What was looked for, and Backlog's total of it; undefined: not counted. */
  counted: string | undefined;
  /** What could not be read: a sentence each. */
  missing: string[];
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
/** What a query may take, less what is added: statuses, projects, the page. */
const QUERY_BYTES = 5_000;

/** No single issue takes more than this of an answer. */
const ISSUE_SHARE = share(ANSWER_SIZE, 0.15);
const CHANGES_SHARE = share(ANSWER_SIZE, 0.04);
/** The first 300 characters of a comment, with the mark of a quotation. */
const COMMENT_SIZE: Size = { characters: 303, tokens: 303 };

/** The issues that match and in which something happened, each with what. */
export async function readHistory(
  call: BacklogCall,
  question: HistoryQuestion,
): Promise<History> {
  const { issues: found, ...rest } =
    question.people.length > 0
      ? await searchActive(call, question)
      : await searchUpdated(call, question);
  const issues = found.filter(question.isFitting);
  const { told, silent, next } = await readIssues(call, question, issues);
  const threads = told.map(({ row, comments }) => ({ ...row, comments }));
  return {
    told: told.toSorted((a, b) => toNewest(b) - toNewest(a)),
    silent,
    statuses: await readStatuses(call, issues, threads),
    found: found.length,
    offset: question.search.offset,
    next,
    left: issues.length - next,
    ...rest,
  };
}

/** In the order in which they are looked into, and what is missing of them. */
interface Candidates extends Pick<History, "counted" | "missing"> {
  issues: IssueRow[];
}

/** Every issue updated since then; the day before is asked for, too. */
async function searchUpdated(
  call: BacklogCall,
  { search, day, from, view }: HistoryQuestion,
): Promise<Candidates> {
  const { updatedSince } = search.filters;
  // Whose days Backlog counts is not documented: the times decide.
  const before = addDays(day, -1);
  const isLater = typeof updatedSince === "string" && updatedSince > before;
  const first = isLater ? updatedSince : before;
  const isSince = ({ updated }: IssueRow) =>
    !updated || Date.parse(updated) >= from;
  const { rows, total, end, more, missing } = await searchIssues(call, {
    ...search,
    filters: {
      ...search.filters,
      updatedSince: first,
      sort: "updated",
      order: "desc",
    },
    offset: 0,
    limit: MOST_CANDIDATES,
    // A page of standard statuses does not tell how many others there are.
    capacity: (page) =>
      search.notClosed || page.every(isSince) ? MOST_CANDIDATES : PAGE_SIZE,
  });
  const issues = rows.map(({ issue }) => issue);
  const since = issues.filter(isSince);
  if (more && since.length === issues.length) {
    missing.push(
      `Only the newest ${end} of the issues updated since are looked at. Narrow the filters.`,
    );
  }
  const isKnown = !more || since.length < issues.length;
  const own =
    isKnown && since.length !== total
      ? `; since ${day} in ${view.timeZone}: ${since.length}`
      : "";
  const what = `and updated since ${first}`;
  return { issues: since, counted: describeCount(what, total, own), missing };
}

/** Those of the issues in which the people were active that match. */
async function searchActive(
  call: BacklogCall,
  question: HistoryQuestion,
): Promise<Candidates> {
  const { search, people } = question;
  const activities = await valueOrError(
    Promise.all(people.map((one) => readActivities(call, one, question))),
  );
  if (activities instanceof BacklogError) {
    call.notes.add(
      `The activities could not be read: ${activities.message} So the issues updated since are looked through instead.`,
    );
    return await searchUpdated(call, question);
  }
  const newest = new Map<number, number>();
  for (const { id, at } of activities.flat()) {
    newest.set(id, Math.max(at, newest.get(id) ?? 0));
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
  const issues = parts.flatMap(({ rows }) => rows.map(({ issue }) => issue));
  const at = ({ id }: IssueRow) => newest.get(id) ?? 0;
  // Where one part was not counted, nobody knows of all.
  const total = parts.reduce((sum, { total = Number.NaN }) => sum + total, 0);
  const missing = parts.flatMap((part) => part.missing);
  if (parts.some(({ more }) => more)) {
    missing.push(
      `Only ${issues.length} of the issues they were active in are looked at. Narrow the filters.`,
    );
  }
  return {
    issues: issues.sort((a, b) => at(b) - at(a)),
    counted: describeCount("among those they were active in", total),
    missing,
  };
}

function describeCount(what: string, total = Number.NaN, own = "") {
  if (Number.isNaN(total)) return undefined;
  return `Matching ${what}, by Backlog's count: ${total}${own}.`;
}

/** The issues in which this person did something in that time, and when. */
async function readActivities(
  call: BacklogCall,
  { id, name }: { id: number; name: string },
  { from, to, view }: HistoryQuestion,
): Promise<{ id: number; at: number }[]> {
  const found: { id: number; at: number }[] = [];
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
        if (issue?.id) found.push({ id: issue.id, at });
      }
    }
    if (sent.length < PAGE_SIZE || Date.parse(last) < from) return found;
    // What is left out of a page, by BACKLOG_PROJECTS or for its form, has its
    // place all the same.
    maxId = Math.min(...sent.flatMap((place) => place.id ?? []));
  }
  const back = last && `, back to ${formatInstant(last, view.timeZone)}`;
  call.notes.add(
    `Of ${name}, only the newest ${MOST_ACTIVITY_PAGES * PAGE_SIZE} activities were read${back}. What is older is told without history_by_names.`,
  );
  return found;
}

/** In parts that one request can carry beside the filters. */
function splitIds(filters: Query, ids: readonly number[]): number[][] {
  const longest = toQueryString({ id: [Math.max(...ids)] }).length;
  const room = QUERY_BYTES - toQueryString(filters).length;
  const most = Math.max(1, Math.floor(room / longest));
  return Array.from({ length: Math.ceil(ids.length / most) }, (_, part) =>
    ids.slice(part * most, (part + 1) * most),
  );
}

/** From the search's offset on, until enough is told or the room is full. */
async function readIssues(
  call: BacklogCall,
  question: HistoryQuestion,
  candidates: readonly IssueRow[],
) {
  const { search } = question;
  const most = Math.min(search.limit, MOST_TOLD);
  const told: Told[] = [];
  const silent: string[] = [];
  let used: Size = { characters: 0, tokens: 0 };
  let next = Math.min(search.offset, candidates.length);
  if (most === 0) call.notes.add("With limit 0 no issue is looked into.");
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
      const { row } = issue;
      if (issue.comments.length > 0 || issue.isCreated) {
        used = add(used, measure(issue, question));
        // One is always told: paging must come on.
        const isOne = told.length === 0;
        if (!isOne && !fits(used, ROWS_SIZE)) return { told, silent, next };
        told.push(issue);
      } else if (isMeant({ created: row.updated }, question)) {
        silent.push(row.issueKey);
      }
      next += 1;
    }
    call.progress(told.length);
  }
  return { told, silent, next };
}

function measure(issue: Told, { view, measure }: HistoryQuestion): Size {
  const alone = { told: [issue], statuses: new Map<number, string>() };
  return add(measure(issue.row), sizeOf(formatHistory(alone, view).text));
}

/** What happened in one issue; undefined where it could not be read. */
async function readIssue(
  call: BacklogCall,
  row: IssueRow,
  question: HistoryQuestion,
): Promise<(Told & { pages: number }) | undefined> {
  const { issueKey } = row;
  const stream = new CommentStream(call, issueKey);
  const comments: Comment[] = [];
  let pages = 0;
  let isOver = false;
  while (stream.isOpen && !isOver) {
    if (pages === MOST_COMMENT_PAGES) {
      call.notes.add(
        `Of ${issueKey} only the newest ${pages * PAGE_SIZE} entries were looked through.`,
      );
      break;
    }
    pages += 1;
    await stream.read();
    const page = stream.waiting.splice(0);
    comments.push(...page.filter((comment) => isMeant(comment, question)));
    isOver = page.some(({ created }) => Date.parse(created) < question.from);
  }
  if (stream.failure) {
    call.keep(
      `What happened in ${issueKey} and the issues after it`,
      stream.failure,
    );
    return undefined;
  }
  const isCreated = isMeant(row, question);
  return { row, comments: comments.reverse(), isCreated, pages };
}

/** Whether it happened in that time, by one of these people where any are. */
function isMeant(
  { created, createdUser }: Partial<Pick<IssueRow, "created" | "createdUser">>,
  { from, to, people }: HistoryQuestion,
): boolean {
  const at = Date.parse(created ?? "");
  const isBy =
    people.length === 0 || people.some(({ id }) => id === createdUser?.id);
  return at >= from && at < to && isBy;
}

function toNewest({ row, comments }: Told): number {
  return Date.parse(comments.at(-1)?.created ?? row.created ?? "");
}

/** For a list: what there is to say on top, and what happened. */
export function tellHistory(history: History, view: HistoryView) {
  return { account: describeHistory(history), ...formatHistory(history, view) };
}

/** What was found, what was not, and what cannot be; a line each. */
function describeHistory(history: History): string[] {
  const { told, left, silent, offset, next } = history;
  const idle = next - offset - told.length - silent.length;
  const from = offset > 0 ? ` from offset ${offset} on` : "";
  const found =
    told.length === 0
      ? `Nothing ${left > 0 ? "is told yet" : `happened in that time in the issues that match${from}`}`
      : `Something happened in ${formatCount(told.length, "issue")}; told below, newest activity first`;
  const others =
    left === 1 ? "1 issue that matches is" : `${left} issues that match are`;
  return [
    `${found}${left > 0 ? `; ${others} not looked into yet` : ""}.`,
    ...(history.counted ? [history.counted] : []),
    ...(silent.length > 0
      ? [listLabels("Updated, too, without an entry that says how", silent)]
      : []),
    ...(idle > 0 ? [`Looked into, with nothing to tell: ${idle}.`] : []),
    "Deleted issues and edits of older comments cannot be seen.",
  ];
}

/** What happened, issue by issue, and how many characters cleaning removed. */
function formatHistory(
  { told, statuses }: Pick<History, "told" | "statuses">,
  view: HistoryView,
): { text: string; removed: number } {
  const people = told.flatMap(({ row, comments }) => [
    row.assignee,
    row.createdUser,
    ...comments.map(({ createdUser }) => createdUser),
  ]);
  const named = namePeople([...people, ...view.namesakes]);
  const clean = new Cleaner();
  const pen = { ...view, statuses, ...named, clean };
  const issues = told.map((issue) => formatTold(issue, pen));
  const text = `\n## What happened\n\n${issues.join("\n").trimEnd()}`;
  return { text, removed: clean.removed };
}

/** What happened in one issue: as much as fits, the newest of it. */
function formatTold({ row, comments, isCreated }: Told, pen: Pen): string {
  const { issueKey } = row;
  const { timeZone, toPerson } = pen;
  const write = ({ created, createdUser }: IssueRow | Comment, what: string) =>
    [
      created ? formatInstant(created, timeZone) : "?",
      ...(createdUser ? [toPerson(createdUser)] : []),
      what,
    ].join(" · ");
  const entries = comments.map((comment) => {
    const place = `${issueKey}#comment-${comment.id}`;
    return [
      write(comment, `#comment-${comment.id}`),
      ...formatChanges(comment, { place, room: CHANGES_SHARE }, pen),
      ...formatText(comment, { place, room: COMMENT_SIZE }, pen).quoted,
      "",
    ].join("\n");
  });
  if (isCreated) entries.unshift(`${write(row, "created")}\n`);
  const shown = takeWhileFitting(entries.toReversed(), ISSUE_SHARE);
  const hidden = entries.length - shown.length;
  const earlier =
    hidden > 0
      ? `(${hidden} earlier in that time: issue_key ${issueKey})\n`
      : "";
  return `### ${issueKey}\n${earlier}${shown.toReversed().join("")}`;
}
