import { type BacklogCall, PAGE_SIZE } from "./backlog.ts";
import { formatInstant, toCalendarDay } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import type { Focus } from "./issue-key.ts";
import type { Thread, ThreadEntry, View } from "./issue-text.ts";
import type { Comment } from "./responses.ts";
import {
  ANSWER_SIZE,
  Cleaner,
  cutLines,
  fits,
  type Size,
  share,
  sizeOf,
  smaller,
  subtract,
  takeWhileFitting,
  toQuote,
} from "./text.ts";

/** A comment, a change of fields, or both at once. */
export interface TimelineEntry {
  id: number;
  instant: string;
  author?: string;
  text: string;
  changes: Change[];
}

export interface Change {
  field: string;
  from?: string;
  to?: string;
}

/** The streams from the place that `focus` names, in either direction. */
export function openThread(
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
export async function readThread(
  call: BacklogCall,
  streams: readonly CommentStream[],
  { key, room, view }: { key: string; room: Size; view: View },
): Promise<Thread> {
  const entries: ThreadEntry[] = [];
  let left = room;
  let open = [...streams];
  while (open.length > 0) {
    for (const stream of [...open]) {
      const comment = await stream.peek(toExpected(entries.length, room, left));
      const entry = comment && formatEntry(toEntry(comment), key, view, room);
      // One is always shown, cut if need be: paging must come on.
      const must = entries.length === 0 && view.focus.on !== "description";
      if (entry && (must || fits(entry.size, left))) {
        stream.take();
        entries.push(entry);
        left = subtract(left, entry.size);
        if (entries.length % PAGE_SIZE === 0) call.progress(entries.length);
      } else open = open.filter((other) => other !== stream);
    }
  }
  return {
    entries: entries.sort((a, b) => a.id - b.id),
    ...toBeyond(streams, view.focus, entries.length),
  };
}

/** What lies beyond the entries shown, as far as the streams tell. */
function toBeyond(
  streams: readonly CommentStream[],
  { on }: Focus,
  shown: number,
): Pick<Thread, "hasOlder" | "hasNewer" | "total"> {
  const [first, second] = streams.map(({ hasMore }) => hasMore);
  // What a page was turned away from is still there.
  if (on === "older") return { hasOlder: first === true, hasNewer: true };
  if (on === "newer") return { hasOlder: true, hasNewer: first === true };
  const waiting = streams.reduce((sum, stream) => sum + stream.waiting, 0);
  const sawAll = streams.every(({ readToEnd }) => readToEnd);
  return {
    hasOlder: first === true,
    hasNewer: second === true,
    ...(sawAll && { total: shown + waiting }),
  };
}

/** How many more will fit, as far as those seen tell; a few to be sure. */
function toExpected(seen: number, room: Size, left: Size): number {
  if (seen === 0) return PAGE_SIZE;
  const used = subtract(room, left);
  const more = Math.min(
    (left.characters / used.characters) * seen,
    (left.tokens / used.tokens) * seen,
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

/** No single comment takes more than this of an answer, unless asked for. */
const COMMENT_SHARE = share(ANSWER_SIZE, 0.25);
/** One entry as it will stand in the answer. */
export function formatEntry(
  entry: TimelineEntry,
  key: string,
  { timeZone, focus }: Pick<View, "timeZone" | "focus">,
  room: Size,
): ThreadEntry & { size: Size } {
  const clean = new Cleaner();
  const author = entry.author ? ` · ${clean.line(entry.author, 200)}` : "";
  const head = [
    `### ${formatInstant(entry.instant, timeZone)} · #comment-${entry.id}${author}`,
    ...formatChanges(entry.changes, clean, smaller(CHANGES_SHARE, room)),
  ];
  const lines = clean.lines(entry.text);
  const asked = focus.on === "comment" && focus.id === entry.id;
  const most = asked ? room : smaller(COMMENT_SHARE, room);
  const used = sizeOf(`${head.join("\n")}${CUT_COMMENT}`);
  const cut = cutLines(lines, subtract(most, used));
  const quoted = cut.lines.length > 0 ? [toQuote(cut.lines)] : [];
  const parts = [...head, ...quoted];
  if (cut.shown < cut.of) {
    const more = asked ? "" : ` In full: issue_key ${key}#comment-${entry.id}`;
    parts.push(`(${cut.shown} of ${cut.of} characters are shown.${more})`);
  }
  const text = `${parts.join("\n")}\n`;
  return { id: entry.id, text, size: sizeOf(text), removed: clean.removed };
}

// The longest line that can stand below a comment that was cut.
const CUT_COMMENT =
  "(12345678 of 12345678 characters are shown. In full: issue_key ABCDEFGHIJKLMNOPQRSTUVWXY-1234567890#comment-1234567890123)\n\n";
const CHANGES_SHARE = share(ANSWER_SIZE, 0.08);

function formatChanges(
  changes: readonly Change[],
  clean: Cleaner,
  room: Size,
): string[] {
  const lines = changes.map(({ field, from, to }) => {
    const name = clean.line(field, 200);
    if (from === undefined && to === undefined) return `- ${name}`;
    const [old, now] = [from, to].map((value) => {
      if (value === undefined) return "none";
      const line = clean.line(value, 300);
      return line.includes("→") ? JSON.stringify(line) : line;
    });
    return `- ${name}: ${old} → ${now}`;
  });
  const shown = takeWhileFitting(lines, room);
  const more = lines.length - shown.length;
  return more > 0 ? [...shown, `- … and ${more} more changes`] : shown;
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
    const page = await valueOrError(
      this.call.listComments(this.key, {
        ...(older ? { maxId: boundary } : { minId: boundary }),
        order: older ? "desc" : "asc",
        count: asked,
      }),
    );
    if (page instanceof BacklogError) {
      this.#failed = page;
      this.#ended = true;
      return;
    }
    const fresh = page.entries
      .filter(({ id }) => {
        if (boundary === undefined) return true;
        return older ? id < boundary : id > boundary;
      })
      .sort((a, b) => (older ? b.id - a.id : a.id - b.id));
    this.#buffer.push(...fresh);
    this.#boundary = fresh.at(-1)?.id ?? boundary;
    this.#ended = page.received < asked || fresh.length === 0;
  }
}
