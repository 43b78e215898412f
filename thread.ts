import { type BacklogCall, CLOSED, PAGE_SIZE } from "./backlog.ts";
import { formatInstant } from "./dates.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { formatChanges, toStatusId, type Wording } from "./facts.ts";
import {
  type Focus,
  isPart,
  showsThread,
  toProjectKey,
  turnsPage,
} from "./issue-key.ts";
import type { ThreadEntry, Timeline } from "./issue-text.ts";
import { STANDARD } from "./names.ts";
import type { Comment, IssueRow } from "./responses.ts";
import {
  ANSWER_SIZE,
  Cleaner,
  cutText,
  fits,
  formatCut,
  type Size,
  share,
  sizeOf,
  smaller,
  subtract,
  toQuote,
} from "./text.ts";

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
      return [stream("older")];
    case "description":
      return isPart(focus) ? [] : [stream("older")];
    case "comment": {
      // The older ones from just above it, so that it is among them.
      const older = stream("older", focus.id + 1);
      return isPart(focus) ? [older] : [older, stream("newer", focus.id)];
    }
    case "older":
    case "newer":
      return [stream(focus.on, focus.id)];
    default:
      return [];
  }
}

/** The part of a thread that was read. */
export interface Thread extends Omit<Timeline, "entries"> {
  /** From the place that was asked for outwards. */
  comments: readonly Comment[];
}

/** What a timeline is shown in. */
export interface Frame {
  /** The issue's. */
  key: string;
  focus: Focus;
  room: Size;
  wording: Wording;
}

/**
 * The comments from the place asked for outwards, until they fill the room or
 * none is left. `counted`: how many Backlog says there are.
 */
export async function readThread(
  call: BacklogCall,
  streams: readonly CommentStream[],
  { counted, ...frame }: Frame & { counted: number | undefined },
): Promise<Thread> {
  const { focus, room } = frame;
  const comments: Comment[] = [];
  let left = room;
  let open = [...streams];
  const most = isPart(focus) ? 1 : Number.POSITIVE_INFINITY;
  const received = () =>
    streams.reduce((sum, stream) => sum + stream.received, 0);
  const endIfComplete = () => {
    if (turnsPage(focus) || received() !== counted) return;
    for (const stream of streams) stream.end();
  };
  endIfComplete();
  while (comments.length < most && left.characters > 0 && left.tokens > 0) {
    const [stream, ...others] = open;
    if (stream === undefined) {
      // A page shorter than asked is the last, unless there must be more.
      const isDoubtful = turnsPage(focus) || received() < (counted ?? 0);
      open = streams.filter((one) => isDoubtful && one.doubt());
      if (open.length === 0) break;
      continue;
    }
    const comment = await stream.peek(toExpected(comments.length, room, left));
    endIfComplete();
    if (comment === undefined) {
      open = others;
      continue;
    }
    stream.take();
    comments.push(comment);
    left = subtract(left, formatEntry(comment, frame).size);
    open = [...others, stream];
    if (comments.length % PAGE_SIZE === 0) call.progress(comments.length);
  }
  const [first, second] = streams.map(({ hasMore }) => hasMore);
  const sawAll =
    !turnsPage(focus) && streams.every(({ readToEnd }) => readToEnd);
  return {
    comments,
    // What a page was turned away from is still there.
    hasOlder: focus.on === "newer" || first === true,
    hasNewer:
      focus.on === "older" || (focus.on === "newer" ? first : second) === true,
    total: sawAll
      ? streams.reduce((sum, { waiting }) => sum + waiting, comments.length)
      : undefined,
    counted,
  };
}

/** Whole entries from the place asked for outwards, while they fit. */
export function fitEntries(thread: Thread, frame: Frame): Timeline {
  const { focus, room } = frame;
  const { comments, ...rest } = thread;
  const entries: ThreadEntry[] = [];
  let left = room;
  for (const comment of showsThread(focus) ? comments : []) {
    const entry = formatEntry(comment, frame);
    // One is always shown, cut if need be: paging must come on.
    const must = entries.length === 0 && focus.on !== "description";
    if (!must && !fits(entry.size, left)) break;
    left = subtract(left, entry.size);
    entries.push(entry);
  }
  const isNewer = ({ id }: Comment) =>
    focus.on === "newer" || (focus.on === "comment" && id > focus.id);
  const leftOut = comments.slice(entries.length);
  return {
    entries: entries.sort((a, b) => a.id - b.id),
    ...rest,
    hasOlder: rest.hasOlder || !leftOut.every(isNewer),
    hasNewer: rest.hasNewer || leftOut.some(isNewer),
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

/** No single comment takes more than this of an answer, unless asked for. */
const COMMENT_SHARE = share(ANSWER_SIZE, 0.25);
const CHANGES_SHARE = share(ANSWER_SIZE, 0.08);
// The longest line that can stand below a comment that was cut.
const CUT_COMMENT =
  "(Characters 12345678 to 12345678 of 12345678. More: issue_key ABCDEFGHIJKLMNOPQRSTUVWXY-1234567890#comment-123456789012345-from-12345678)\n\n";

/**
 * A comment, a change of fields, or both at once. The one that was asked for
 * is marked, and may take the whole room.
 */
function formatEntry(
  comment: Comment,
  { key, focus, room, wording }: Frame,
): ThreadEntry {
  const clean = new Cleaner();
  const asked = focus.on === "comment" && focus.id === comment.id;
  const { id, created, createdUser, content, changeLog } = comment;
  const facts = [
    formatInstant(created, wording.timeZone),
    `#comment-${id}`,
    ...(asked ? ["asked for"] : []),
    ...(createdUser ? [wording.toPerson(createdUser)] : []),
  ];
  const head = [
    `### ${facts.join(" · ")}`,
    ...formatChanges(changeLog ?? [], wording, {
      clean,
      room: smaller(asked ? share(room, 0.5) : CHANGES_SHARE, room),
    }),
  ];
  const most = asked ? room : smaller(COMMENT_SHARE, room);
  const used = sizeOf(`${head.join("\n")}${CUT_COMMENT}`);
  const text = clean.text(content ?? "");
  const cut = cutText(
    text,
    { from: 0, room: subtract(most, used) },
    wording.toLine,
  );
  const parts = [...head];
  if (cut.lines.length > 0) parts.push(toQuote(cut.lines));
  const notice = formatCut(
    cut,
    (place) => `issue_key ${key}#comment-${id}-from-${place}`,
  );
  if (notice !== "") parts.push(notice);
  const shown = `${parts.join("\n")}\n`;
  return {
    id,
    text: shown,
    size: sizeOf(shown),
    removed: clean.removed,
    isCut: cut.to < cut.of,
  };
}

/** Statuses by ID: those of the rows, and others that changes need. */
export async function readStatuses(
  call: BacklogCall,
  rows: readonly IssueRow[],
  threads: readonly { issueKey: string; comments: readonly Comment[] }[],
): Promise<ReadonlyMap<number, string>> {
  const known = new Map(rows.map(({ status }) => [status.id, status.name]));
  const needed = threads.flatMap(({ issueKey, comments }) =>
    comments
      .flatMap(({ changeLog }) => changeLog ?? [])
      .flatMap((change) =>
        [change.originalValue, change.newValue].map((value) =>
          toStatusId(change, value),
        ),
      )
      .filter((id) => id !== undefined && !known.has(id))
      .map((id = 0) => ({ id, project: toProjectKey(issueKey) })),
  );
  if (needed.length === 0) return known;
  const custom = needed.filter(({ id }) => id > CLOSED);
  const listed = await Promise.all(
    [...new Set(custom.map(({ project }) => project))].map((project) =>
      valueOrError(call.listProjectChoices(project, "statuses")),
    ),
  );
  for (const statuses of listed) {
    for (const { id, name } of call.keep("The statuses", statuses) ?? []) {
      known.set(id, name);
    }
  }
  const names = new Set(known.values());
  const isJapanese = STANDARD.some(([, , japanese]) => names.has(japanese));
  for (const [id, english, japanese] of STANDARD) {
    if (!known.has(id)) known.set(id, isJapanese ? japanese : english);
  }
  return known;
}

/**
 * Comments of an issue in one direction from a place, page after page. Whether
 * `minId` and `maxId` are inclusive is not documented, so none comes twice.
 */
export class CommentStream {
  readonly #seen = new Set<number>();
  #buffer: Comment[] = [];
  #boundary: number | undefined;
  #ended = false;
  #endsAtShortPage = true;
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

  /** How many have come, those that could not be read included. */
  get received(): number {
    return this.#seen.size;
  }

  /** How many are read but not taken. */
  get waiting(): number {
    return this.#buffer.length;
  }

  /** Looks behind a short page, too; whether that was not done before. */
  doubt(): boolean {
    if (this.#failed || !this.#endsAtShortPage) return false;
    this.#endsAtShortPage = false;
    this.#ended = false;
    return true;
  }

  /** Every comment there is has come: no page is asked for any more. */
  end(): void {
    this.#ended = true;
    this.#endsAtShortPage = false;
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
    if (page instanceof BacklogError) return this.#fail(page);
    const isBeyond = (id: number) =>
      boundary === undefined || (older ? id < boundary : id > boundary);
    const fresh = page.entries
      .filter(({ id }) => isBeyond(id) && !this.#seen.has(id))
      .sort((a, b) => (older ? b.id - a.id : a.id - b.id));
    this.#buffer.push(...fresh);
    // An entry that could not be read has its place all the same.
    const ids = page.sent.flatMap(({ id }) => id ?? []);
    const places = ids.filter(isBeyond);
    for (const id of places) this.#seen.add(id);
    const received = page.sent.length;
    if (received > 0 && ids.length === 0) {
      return this.#fail(toUnreachable(this.key, received));
    }
    this.#boundary = places.reduce(
      older ? (a, b) => Math.min(a, b) : (a, b) => Math.max(a, b),
      boundary ?? (older ? Number.POSITIVE_INFINITY : 0),
    );
    const isShort = received < asked;
    this.#ended = places.length === 0 || (isShort && this.#endsAtShortPage);
  }

  #fail(error: BacklogError): void {
    this.#failed = error;
    this.#ended = true;
  }
}

function toUnreachable(key: string, received: number): BacklogError {
  return new BacklogError(
    `Backlog sent ${received} entries without an ID in a row, so that what lies beyond can only be reached from the other end, by issue_key ${key}#comment-1-newer.`,
  );
}
