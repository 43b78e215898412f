import type { BacklogCall } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { listStatusIds } from "./facts.ts";
import { type Focus, isPart, toProjectKey, turnsPage } from "./issue-key.ts";
import type { Thread } from "./issue-text.ts";
import { nameStatuses } from "./names.ts";
import { CLOSED, type Comment, type IssueRow, PAGE_SIZE } from "./responses.ts";

/** The streams from the place that `focus` names, in either direction. */
export function openThread(
  call: BacklogCall,
  idOrKey: string,
  focus: Focus,
): CommentStream[] {
  const stream = (from?: StreamStart) => new CommentStream(call, idOrKey, from);
  switch (focus.on) {
    case "issue":
      return [stream()];
    case "description":
      return isPart(focus) ? [] : [stream()];
    case "comment": {
      // The older ones from just above it, so that it is among them.
      const maxId = focus.id + 1;
      // An inclusive page holds its boundary: of two, one is that comment.
      if (isPart(focus)) return [stream({ maxId, count: 2 })];
      return [stream({ maxId }), stream({ minId: focus.id })];
    }
    case "older":
      return [stream({ maxId: focus.id })];
    case "newer":
      return [stream({ minId: focus.id })];
    default:
      return [];
  }
}

/** How far a thread is read. */
interface Plan {
  focus: Focus;
  /** How many comments Backlog says there are. */
  counted: number | undefined;
  /** Takes a comment, and tells whether there is room for more. */
  hasRoom: (comment: Comment) => boolean;
}

/** From the place asked for outwards, until the room is full or none is left. */
export async function readThread(
  call: BacklogCall,
  streams: readonly CommentStream[],
  { focus, counted, hasRoom }: Plan,
): Promise<Thread> {
  const comments: Comment[] = [];
  const sumOf = (count: (stream: CommentStream) => number) =>
    streams.reduce((sum, stream) => sum + count(stream), 0);
  const mustBeMore = () => sumOf(({ received }) => received) < (counted ?? 0);
  for await (const comment of takeInTurns(streams, mustBeMore)) {
    comments.push(comment);
    if (comments.length % PAGE_SIZE === 0) call.progress(comments.length);
    if (isPart(focus) || !hasRoom(comment)) break;
  }
  const sawAll =
    !turnsPage(focus) && streams.every(({ readToEnd }) => readToEnd);
  const hasMore = (older: boolean) =>
    streams.some(
      ({ isOlder, waiting, readToEnd }) =>
        isOlder === older && (waiting.length > 0 || !readToEnd),
    );
  return {
    comments,
    // What a page was turned away from is still there.
    hasOlder: focus.on === "newer" || hasMore(true),
    hasNewer: focus.on === "older" || hasMore(false),
    total: sawAll
      ? comments.length + sumOf(({ waiting }) => waiting.length)
      : undefined,
    counted,
  };
}

/** One comment of each stream after the other, until none has any. */
async function* takeInTurns(
  streams: readonly CommentStream[],
  mustBeMore: () => boolean,
): AsyncGenerator<Comment> {
  let open = [...streams];
  while (open.length > 0) {
    for (const stream of open) {
      const comment = await stream.next();
      if (comment) yield comment;
      else open = open.filter((one) => one !== stream);
    }
    // A page shorter than asked is the last, unless there must be more.
    if (open.length === 0 && mustBeMore()) {
      open = streams.filter((stream) => stream.doubt());
    }
  }
}

/** Statuses by ID: those of the rows, and others that changes need. */
export async function readStatuses(
  call: BacklogCall,
  rows: readonly IssueRow[],
  threads: readonly { issueKey: string; comments: readonly Comment[] }[],
): Promise<ReadonlyMap<number, string>> {
  const known = rows.map(({ status }) => status);
  const ids = new Set(known.map(({ id }) => id));
  const projects = threads
    .filter(({ comments }) =>
      listStatusIds(comments).some((id) => id > CLOSED && !ids.has(id)),
    )
    .map(({ issueKey }) => toProjectKey(issueKey));
  const listed = await Promise.all(
    [...new Set(projects)].map((project) =>
      valueOrError(call.listProjectChoices(project, "statuses")),
    ),
  );
  const found = listed.map((one) => call.keep("The statuses", one) ?? []);
  return nameStatuses([...known, ...found.flat()]);
}

/** Those older than `maxId` or newer than `minId`; all of them by default. */
type StreamStart = { maxId?: number; minId?: number; count?: number };

/**
 * Comments of an issue in one direction from a place, page after page. Whether
 * `minId` and `maxId` are inclusive is not documented, so none comes twice.
 */
export class CommentStream {
  /** Those that are read but not taken, from the place outwards. */
  readonly waiting: Comment[] = [];
  /** How many have come, those that could not be read included. */
  received = 0;
  /** Whether another page may be asked for. */
  isOpen = true;
  /** Why it ended early, where it did. */
  failure: BacklogError | undefined;
  readonly isOlder: boolean;
  readonly #size: number;
  #boundary: number | undefined;
  #endsAtShortPage = true;

  constructor(
    private readonly call: BacklogCall,
    private readonly key: string,
    { maxId, minId, count = PAGE_SIZE }: StreamStart = {},
  ) {
    this.isOlder = minId === undefined;
    this.#boundary = minId ?? maxId;
    this.#size = count;
  }

  /** Whether every comment in this direction has been read. */
  get readToEnd(): boolean {
    return !this.isOpen && this.failure === undefined;
  }

  /** Looks behind a short page, too; whether that was not done before. */
  doubt(): boolean {
    if (this.failure || !this.#endsAtShortPage) return false;
    this.#endsAtShortPage = false;
    this.isOpen = true;
    return true;
  }

  /** The next one, where there is any. */
  async next(): Promise<Comment | undefined> {
    while (this.waiting.length === 0 && this.isOpen) await this.read();
    return this.waiting.shift();
  }

  /** Asks for the next page. */
  async read(): Promise<void> {
    const [older, boundary] = [this.isOlder, this.#boundary];
    const page = await valueOrError(
      this.call.listComments(this.key, {
        ...(older ? { maxId: boundary } : { minId: boundary }),
        order: older ? "desc" : "asc",
        count: this.#size,
      }),
    );
    if (page instanceof BacklogError) return this.#fail(page);
    const { entries, sent } = page;
    const ids = sent.flatMap(({ id }) => id ?? []);
    if (sent.length > 0 && ids.length === 0) {
      return this.#fail(toUnreachable(this.key));
    }
    const isBeyond = (id: number) =>
      boundary === undefined || (older ? id < boundary : id > boundary);
    const fresh = entries
      .filter(({ id }) => isBeyond(id))
      .sort((a, b) => (older ? b.id - a.id : a.id - b.id));
    this.waiting.push(...fresh);
    // An entry that could not be read has its place all the same.
    const places = new Set(ids.filter(isBeyond));
    this.received += places.size;
    if (places.size > 0) {
      this.#boundary = older ? Math.min(...places) : Math.max(...places);
    }
    const isShort = sent.length < this.#size;
    this.isOpen = places.size > 0 && !(isShort && this.#endsAtShortPage);
  }

  #fail(error: BacklogError): void {
    this.failure = error;
    this.isOpen = false;
  }
}

function toUnreachable(key: string): BacklogError {
  return new BacklogError(
    `Backlog sent nothing but entries without an ID, so that what lies beyond can only be reached from the other end, by issue_key ${key}#comment-1-newer.`,
  );
}
