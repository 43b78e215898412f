import { type BacklogCall, PAGE_SIZE } from "./backlog.ts";
import { isZonedDay, toCalendarDay } from "./dates.ts";
import { BacklogError } from "./errors.ts";
import type { IssueReference } from "./issue-key.ts";
import {
  type Change,
  type Focus,
  formatEntry,
  type IssueDetails,
  type OtherIssue,
  roomForThread,
  type Thread,
  type TimelineEntry,
  type View,
} from "./issue-text.ts";
import type { Comment, Issue, IssueRow } from "./responses.ts";
import { CLOSED } from "./search.ts";
import { fits, type Size, subtract } from "./text.ts";
import { CommentStream } from "./thread.ts";

export type OnProgress = (done: number, total?: number) => void;

/**
 * An issue with everything about it, and as much of its timeline as can be
 * shown. Whatever needs no other answer is asked for at once.
 */
export async function getIssueDetails(
  call: BacklogCall,
  { idOrKey, focus }: IssueReference,
  { timeZone, today }: Pick<View, "timeZone" | "today">,
  onProgress?: OnProgress,
): Promise<{ details: IssueDetails; view: View }> {
  const view: View = { timeZone, today, focus };
  const turnsPages = focus.on === "older" || focus.on === "newer";
  const streams = toStreams(call, idOrKey, focus);
  const onFirstPage = focus.on === "issue" || focus.on === "description";
  const [issue, related, early] = await Promise.all([
    call.getIssue(idOrKey),
    turnsPages ? [] : optional(call.listRelatedIssues(idOrKey)),
    onFirstPage ? undefined : optional(call.countComments(idOrKey)),
    ...streams.map((stream) => stream.prefetch()),
  ]);
  const notes = new Notes();
  const hasMore = onFirstPage && streams.some(({ readToEnd }) => !readToEnd);
  let counted: number | undefined;
  const count = async () => {
    const number = hasMore
      ? await optional(call.countComments(idOrKey))
      : early;
    counted = notes.keep("The number of comments", number);
  };
  const read = async (): Promise<IssueDetails> => {
    const [parent, children, zone] = await Promise.all([
      turnsPages ? undefined : optional(getParent(call, issue)),
      turnsPages ? undefined : optional(getChildren(call, issue)),
      optional(getZone(call, issue)),
    ]);
    const facts = {
      ...toFacts(issue, call, notes.keep("The space's time zone", zone)),
      parent: notes.keep(`The parent (ID ${issue.parentIssueId})`, parent),
      children: notes.keep("The children", children),
      related: (notes.keep("Related issues", related) ?? []).map(toOther),
      thread: { entries: [], hasOlder: false, hasNewer: false },
      notes: notes.list,
    };
    const onShown = (shown: number) => onProgress?.(shown, counted);
    return {
      ...facts,
      thread: await readThread(streams, facts, view, onShown),
    };
  };
  // The next comments need not wait for their number.
  const [details] = await Promise.all([read(), count()]);
  if (counted !== undefined) details.thread.counted = counted;
  for (const { failure } of streams) notes.keep("Some comments", failure);
  // What could not be read may still be there.
  if (streams.every(({ failure }) => failure === undefined)) {
    noteFocus(details, focus, notes);
  }
  return { details, view };
}

/** The value, or why there is none: one failing part sinks nothing else. */
async function optional<Value>(
  promise: Promise<Value>,
): Promise<Value | BacklogError> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof BacklogError) return error;
    throw error;
  }
}

class Notes {
  readonly list: string[] = [];

  /** The value itself; an error becomes a line instead. */
  keep<Value>(what: string, value: Value | BacklogError): Value | undefined {
    if (!(value instanceof BacklogError)) return value;
    const note = `${what} could not be read: ${value.message}`;
    // An older or smaller space has no related issues at all.
    const absent = value.status === 404 && what === "Related issues";
    if (!absent && !this.list.includes(note)) this.list.push(note);
    return undefined;
  }
}

async function getParent(
  call: BacklogCall,
  { parentIssueId }: Issue,
): Promise<OtherIssue | undefined> {
  if (!parentIssueId) return undefined;
  return toOther(await call.getIssueRow(String(parentIssueId)));
}

async function getChildren(
  call: BacklogCall,
  { id, childIssueSummary }: Issue,
): Promise<IssueDetails["children"]> {
  if (childIssueSummary?.total === 0) return undefined;
  const filter = { parentIssueId: [id] };
  const { entries, received } = await call.listIssues({
    ...filter,
    sort: "created",
    order: "asc",
    count: PAGE_SIZE,
  });
  if (received === 0 && !childIssueSummary) return undefined;
  const needsCount = received === PAGE_SIZE && !childIssueSummary;
  const [counted, countedClosed] = needsCount
    ? await Promise.all([
        call.countIssues(filter),
        call.countIssues({ ...filter, statusId: [CLOSED] }),
      ])
    : [childIssueSummary?.total ?? 0, childIssueSummary?.closed ?? undefined];
  const total = Math.max(counted, received);
  const closed =
    total === received
      ? entries.filter(({ status }) => status.id === CLOSED).length
      : countedClosed;
  return {
    issues: entries.map(toOther),
    // A page that is not full holds all that the list will ever show.
    unlisted: received < PAGE_SIZE ? total - received : 0,
    total,
    ...(closed !== undefined && { closed }),
  };
}

/** Asked only where a day is written as midnight of the space's own zone. */
async function getZone(
  call: BacklogCall,
  { startDate, dueDate, customFields }: Issue,
): Promise<string | undefined> {
  const days = [startDate, dueDate, ...(customFields ?? []).map(toDayText)];
  if (!days.some((day) => day && isZonedDay(day))) return undefined;
  return (await call.getSpace()).timezone ?? undefined;
}

type CustomField = NonNullable<Issue["customFields"]>[number];
const DATE_FIELD = 4;

function toDayText({ fieldTypeId, value }: CustomField): string | undefined {
  return fieldTypeId === DATE_FIELD &&
    typeof value === "string" &&
    /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(value) &&
    !Number.isNaN(Date.parse(value))
    ? value
    : undefined;
}

function toFacts(
  issue: Issue,
  { origin }: BacklogCall,
  zone: string | undefined,
): Omit<IssueDetails, "parent" | "children" | "related" | "thread" | "notes"> {
  const day = (text: string | null | undefined) =>
    text ? toCalendarDay(text, zone) : undefined;
  const name = (named: { name: string } | null | undefined) => named?.name;
  const namesOf = (list: { name: string }[] | null | undefined) =>
    (list ?? []).map(({ name }) => name);
  return {
    key: issue.issueKey,
    address: `${origin}/view/${issue.issueKey}`,
    title: issue.summary,
    status: issue.status.name,
    closed: issue.status.id === CLOSED,
    type: name(issue.issueType),
    priority: name(issue.priority),
    resolution: name(issue.resolution),
    assignee: name(issue.assignee),
    dueDate: day(issue.dueDate),
    startDate: day(issue.startDate),
    estimatedHours: issue.estimatedHours ?? undefined,
    actualHours: issue.actualHours ?? undefined,
    milestones: namesOf(issue.milestone),
    versions: namesOf(issue.versions),
    categories: namesOf(issue.category),
    created: issue.created ?? undefined,
    createdBy: name(issue.createdUser),
    updated: issue.updated ?? undefined,
    updatedBy: name(issue.updatedUser),
    customFields: (issue.customFields ?? []).flatMap((field) => {
      const value = day(toDayText(field)) ?? toValue(field);
      return value === "" ? [] : [{ name: field.name, value }];
    }),
    attachments: (issue.attachments ?? []).map(toFile),
    sharedFiles: (issue.sharedFiles ?? []).map(toFile),
    links: (issue.externalFileLinks ?? []).map(({ title, url }) => ({
      ...(title && { title }),
      address: url,
    })),
    description: issue.description ?? "",
  };
}

/** What was chosen or written, and the free text of "other". */
function toValue({ value, otherValue }: CustomField): string {
  const chosen = (Array.isArray(value) ? value : [value]).map((item) =>
    typeof item === "object" && item !== null ? item.name : (item ?? ""),
  );
  return [...chosen, otherValue ?? ""].filter((text) => text !== "").join(", ");
}

function toFile(file: NonNullable<Issue["attachments"]>[number]) {
  return {
    name: `${file.dir ?? ""}${file.name}`,
    ...(typeof file.size === "number" && { size: file.size }),
    ...(file.createdUser && { by: file.createdUser.name }),
  };
}

function toOther({ issueKey, summary, status }: IssueRow): OtherIssue {
  return { key: issueKey, title: summary, status: status.name };
}

function toStreams(
  call: BacklogCall,
  idOrKey: string,
  focus: Focus,
): CommentStream[] {
  const stream = (direction: "older" | "newer", from?: number) =>
    new CommentStream(call, idOrKey, direction, from);
  switch (focus.on) {
    case "issue":
    case "description":
      return [stream("older")];
    case "comment":
      // The older ones from just above it, so that it is among them.
      return [stream("older", focus.id + 1), stream("newer", focus.id)];
    case "older":
    case "newer":
      return [stream(focus.on, focus.id)];
  }
}

/** Fills the room from the place asked for outwards, with whole comments. */
async function readThread(
  streams: readonly CommentStream[],
  details: IssueDetails,
  view: View,
  onProgress: (shown: number) => void,
): Promise<Thread> {
  const room = roomForThread(details, view);
  const entries: TimelineEntry[] = [];
  let left = room;
  let open = [...streams];
  while (open.length > 0) {
    for (const stream of [...open]) {
      const comment = await stream.peek(toExpected(entries, room, left));
      const entry = comment && toEntry(comment);
      const size = entry && formatEntry(entry, details.key, view, room).size;
      // One is always shown, cut if need be: paging must come on.
      const must = entries.length === 0 && view.focus.on !== "description";
      if (entry && size && (must || fits(size, left))) {
        stream.take();
        entries.push(entry);
        left = subtract(left, size);
        if (entries.length % PAGE_SIZE === 0) onProgress(entries.length);
      } else open = open.filter((other) => other !== stream);
    }
  }
  const { on } = view.focus;
  const [first, second] = streams.map(({ hasMore }) => hasMore);
  const turnsPages = on === "older" || on === "newer";
  const waiting = streams.reduce((sum, stream) => sum + stream.waiting, 0);
  const sawAll = !turnsPages && streams.every(({ readToEnd }) => readToEnd);
  return {
    entries: entries.sort((a, b) => a.id - b.id),
    // What a page was turned away from is still there.
    hasOlder: on === "newer" || first === true,
    hasNewer:
      on === "older" || (on === "newer" ? first === true : second === true),
    ...(sawAll && { total: entries.length + waiting }),
  };
}

/** How many more will fit, as far as those seen tell; a few to be sure. */
function toExpected(
  entries: readonly TimelineEntry[],
  room: Size,
  left: Size,
): number {
  if (entries.length === 0) return PAGE_SIZE;
  const used = subtract(room, left);
  const more = Math.min(
    (left.characters / used.characters) * entries.length,
    (left.tokens / used.tokens) * entries.length,
  );
  return Math.min(Math.ceil(more * 1.1) + 3, PAGE_SIZE);
}

// Backlog's inner names, in the words of its pages.
const FIELDS: Record<string, string> = {
  actualHours: "actual hours",
  assigner: "assignee",
  component: "category",
  estimatedHours: "estimated hours",
  issueType: "type",
  limitDate: "due date",
  parentIssue: "parent issue",
  startDate: "start date",
  summary: "title",
};
const DATE_FIELDS = ["limitDate", "startDate"];

function toEntry(comment: Comment): TimelineEntry {
  return {
    id: comment.id,
    instant: comment.created,
    ...(comment.createdUser && { author: comment.createdUser.name }),
    text: comment.content ?? "",
    changes: (comment.changeLog ?? []).map(toChange),
  };
}

function toChange(change: NonNullable<Comment["changeLog"]>[number]): Change {
  const { field, attributeInfo } = change;
  // Both texts may be long, and the new one stands above already.
  if (field === "description" && !attributeInfo) {
    return { field: "description changed" };
  }
  const isDate =
    DATE_FIELDS.includes(field) || String(attributeInfo?.typeId) === "4";
  const value = (text: string | null | undefined) =>
    text === null || text === undefined || text === ""
      ? {}
      : { text: isDate ? toOneDateForm(text) : text };
  const from = value(change.originalValue).text;
  const to =
    value(change.newValue).text ??
    (from === undefined ? change.attachmentInfo?.name : undefined);
  return {
    field: attributeInfo ? `custom field ${field}` : (FIELDS[field] ?? field),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

function toOneDateForm(text: string): string {
  const [, year, month, day] =
    /^(\d{4})[/-](\d\d?)[/-](\d\d?)$/.exec(text) ?? [];
  if (year && month && day) {
    return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  }
  const readable = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text);
  return readable && !Number.isNaN(Date.parse(text))
    ? toCalendarDay(text)
    : text;
}

function noteFocus(
  { key, thread }: IssueDetails,
  focus: Focus,
  { list }: Notes,
): void {
  if (focus.on !== "comment") return;
  if (thread.entries.some(({ id }) => id === focus.id)) return;
  const others =
    thread.entries.length > 0 ? "; those around its place are shown" : "";
  list.push(`There is no comment ${focus.id} in ${key} now${others}.`);
}
