import type * as v from "valibot";
import { isZonedDay } from "./dates.ts";
import {
  BacklogError,
  toFormatError,
  toShapeError,
  toWithheld,
  valueOrError,
  WITHHELD,
} from "./errors.ts";
import {
  LIMITS,
  type Limits,
  type Query,
  type RateClass,
  type RequestOptions,
  Requests,
  Space,
  toText,
} from "./http.ts";
import { ProjectFilter } from "./projects.ts";
import {
  type Activity,
  type Choice,
  type Comment,
  type CustomFieldDefinition,
  type Issue,
  type IssueRow,
  type Project,
  parseLeniently,
  Responses,
  type User,
} from "./responses.ts";
import type { Connection } from "./settings.ts";

export type { Limits, Query } from "./http.ts";
export { LIMITS, toQueryString } from "./http.ts";

/** One page of a list. */
export interface Page<Entry> {
  entries: Entry[];
  /** How many Backlog sent, entries that could not be read included. */
  received: number;
  /** The IDs of all these, of whatever form the rest of them is. */
  ids: number[];
}

/** One page of issues, also place by place, in Backlog's order. */
export interface IssuePage extends Page<IssueRow> {
  sent: Sent<IssueRow>[];
}

/** What stands at one place of a page; no entry: it could not be read. */
export interface Sent<Entry> {
  entry?: Entry;
  /** Whether it is an issue known to be closed, read or not. */
  isClosed: boolean;
}

/** A page is always asked for in full: Backlog's own default is 20. */
export const PAGE_SIZE = 100;

/** Closed has this ID in every project, whatever its name. */
export const CLOSED = 4;

export type OnProgress = (done: number, total?: number) => void;

/** Speaks to one space, with GET only and at most four requests at once. */
export class Backlog {
  readonly #space: Space;

  constructor(connection: Connection, limits: Limits = LIMITS) {
    this.#space = new Space(connection, limits);
  }

  /** One tool call's access: its deadline starts now, `signal` cancels it. */
  open(signal?: AbortSignal, onProgress?: OnProgress): BacklogCall {
    return new BacklogCall(this.#space, signal, onProgress);
  }
}

/** The requests of one tool call, which share its deadline, and their facts. */
export class BacklogCall {
  /** What the answer has to say besides: a sentence each. */
  readonly notes = new Set<string>();
  /** What had to be left out of Backlog's answers, by request and field. */
  readonly leftOut = new Map<string, number>();
  readonly host: string;
  readonly origin: string;
  readonly #space: Space;
  readonly #requests: Requests;
  readonly #onProgress: OnProgress | undefined;
  #expected: number | undefined;
  #timeZone: Promise<string | BacklogError | undefined> | undefined;
  readonly #filter: ProjectFilter;

  constructor(space: Space, cancelled?: AbortSignal, onProgress?: OnProgress) {
    this.#space = space;
    this.host = space.host;
    this.origin = space.connection.origin;
    this.#requests = new Requests(space, cancelled);
    this.#onProgress = onProgress;
    this.#filter = new ProjectFilter(space.connection.projects, {
      notes: this.notes,
      readProjects: () => this.#get("/projects", Responses.projects),
      readIssue: (idOrKey) => this.getIssueRow(idOrKey),
    });
  }

  /** What a refusal says besides while BACKLOG_PROJECTS is in force. */
  get restriction(): string | undefined {
    return this.#filter.isInForce ? WITHHELD : undefined;
  }

  /** Without the key: for what is decoded elsewhere, such as a file's text. */
  redact(text: string): string {
    return this.#space.redact(text);
  }

  /** Requests of a class left in this minute; undefined: not known yet. */
  remaining(rate: RateClass): number | undefined {
    return this.#space.rates.remaining(rate);
  }

  /** Aborted once the client has cancelled, or the call has its answer. */
  get signal(): AbortSignal {
    return this.#requests.signal;
  }

  /** Stops whatever is still under way. */
  end(): void {
    this.#requests.end();
  }

  /** The value itself; an error becomes a note instead. */
  keep<Value>(what: string, value: Value | BacklogError): Value | undefined {
    if (!(value instanceof BacklogError)) return value;
    this.notes.add(`${what} could not be read: ${value.message}`);
    return undefined;
  }

  /** How much there is in all, where that is known. */
  expect(total: unknown): void {
    if (typeof total === "number") this.#expected = total;
  }

  /** Tells a client that waits how much is read. */
  progress(done: number): void {
    this.#onProgress?.(done, this.#expected);
  }

  /** The space's own, asked once; of days, only where one of them is in it. */
  async getTimeZone(
    days?: readonly (string | null | undefined)[],
  ): Promise<string | undefined> {
    if (days && !days.some((day) => day && isZonedDay(day))) return undefined;
    this.#timeZone ??= valueOrError(
      this.getSpace().then(({ timezone }) => timezone ?? undefined),
    );
    return this.keep("The space's time zone", await this.#timeZone);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
  getIssue(idOrKey: string): Promise<Issue> {
    return this.#filter.issue(idOrKey, async (path) => {
      // It would count the children of every project.
      if (this.#filter.isInForce) {
        const issue = await this.#get(path, Responses.issue);
        return { ...issue, childIssueSummary: undefined };
      }
      try {
        return await this.#get(path, Responses.issue, {
          expand: ["childIssueSummary"],
        });
      } catch (error) {
        // A space that does not know the parameter may refuse it.
        const isRefused = error instanceof BacklogError && error.status === 400;
        if (!isRefused) throw error;
        return await this.#get(path, Responses.issue);
      }
    });
  }

  /** As `getIssue`, read for what a list shows of it. */
  getIssueRow(idOrKey: string): Promise<IssueRow> {
    return this.#filter.issue(idOrKey, (path) =>
      this.#get(path, Responses.issueRow),
    );
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue-list/ */
  async listIssues(query: Query): Promise<IssuePage> {
    const within = await this.#filter.within(query);
    if (!within) return { entries: [], received: 0, ids: [], sent: [] };
    const page = await this.#list("/issues", Responses.issueRows, within);
    const entries = this.#filter.issues(page.entries);
    const shown = new Set(entries.map(({ id }) => id));
    const sent = page.sent.map(({ entry, isClosed }) =>
      entry && shown.has(entry.id) ? { entry, isClosed } : { isClosed },
    );
    return { ...page, entries, sent };
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-issue/ */
  async countIssues(query: Query): Promise<number> {
    // An order says nothing about a count, and might be refused there.
    const { sort, order, ...filters } = query;
    const within = await this.#filter.within(filters);
    if (!within) return 0;
    return (await this.#get("/issues/count", Responses.count, within)).count;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
  listComments(idOrKey: string, query: Query): Promise<Page<Comment>> {
    return this.#filter.ofIssue(idOrKey, async (path) => {
      const comments = `${path}/comments`;
      const page = await this.#list(comments, Responses.comments, query);
      for (const comment of page.entries) {
        comment.changeLog = this.#filter.changes(
          comment.changeLog,
          (change) => [change.originalValue, change.newValue],
        );
      }
      return page;
    });
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-comment/ */
  countComments(idOrKey: string): Promise<number> {
    return this.#filter.ofIssue(idOrKey, async (path) => {
      const comments = `${path}/comments/count`;
      return (await this.#get(comments, Responses.count)).count;
    });
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-list-of-related-issues/ */
  listRelatedIssues(idOrKey: string): Promise<IssueRow[]> {
    return this.#filter.ofIssue(idOrKey, async (path) => {
      const related = `${path}/relatedIssues`;
      const { entries } = await this.#list(related, Responses.relatedIssues);
      return this.#filter.issues(entries);
    });
  }

  /**
   * The file's bytes; one of more than `mostBytes` is an error.
   * https://developer.nulab.com/docs/backlog/api/2/get-issue-attachment/
   */
  getAttachment(
    idOrKey: string,
    id: number,
    mostBytes: number,
  ): Promise<Uint8Array> {
    return this.#filter.ofIssue(idOrKey, (path) =>
      this.#send(`${path}/attachments/${id}`, { mostBytes, accept: "*/*" }),
    );
  }

  /**
   * What somebody did, or what happened in a project, the newest first.
   * https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/
   */
  async listActivities(
    path: `/users/${number}/activities` | `/projects/${string}/activities`,
    query: Query,
  ): Promise<Page<Activity>> {
    const [, of = "", id = ""] = path.split("/");
    const [page] = await Promise.all([
      this.#list(path, Responses.activities, query),
      of === "projects"
        ? this.#filter.toProjectPath(id)
        : this.#filter.projects(),
    ]);
    const entries = this.#filter.only(
      page.entries,
      ({ project }) => project.projectKey,
    );
    for (const { content } of entries) {
      if (!content) continue;
      content.changes = this.#filter.changes(content.changes, (change) => [
        change.old_value,
        change.new_value,
      ]);
    }
    return { ...page, entries };
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-own-user/ */
  getMyself(): Promise<User> {
    return this.#get("/users/myself", Responses.user);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-project-list/ */
  async listProjects(): Promise<Project[]> {
    const allowed = this.#filter.isInForce
      ? await this.#filter.projects()
      : undefined;
    return allowed ?? (await this.#get("/projects", Responses.projects));
  }

  /** The members: https://developer.nulab.com/docs/backlog/api/2/get-project-user-list/ */
  async listProjectUsers(project: string | number): Promise<User[]> {
    const path = await this.#filter.toProjectPath(project);
    return await this.#get(`${path}/users`, Responses.users);
  }

  /** A project's statuses, versions, categories or issue types. */
  async listProjectChoices(
    project: string | number,
    kind: ProjectChoices,
  ): Promise<Choice[]> {
    const path = await this.#filter.toProjectPath(project);
    return await this.#get(`${path}/${kind}`, Responses.choices);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
  async listCustomFields(
    project: string | number,
  ): Promise<CustomFieldDefinition[]> {
    const path = await this.#filter.toProjectPath(project);
    return await this.#get(`${path}/customFields`, Responses.customFields);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-space/ */
  getSpace() {
    return this.#get("/space", Responses.space);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-rate-limit/ */
  getRateLimit() {
    return this.#get("/rateLimit", Responses.rateLimit);
  }

  /** The body; while a list is in force what is absent is not told apart. */
  async #send(path: string, options: RequestOptions): Promise<Uint8Array> {
    try {
      return await this.#requests.get(path, options);
    } catch (error) {
      const isOurs = this.#filter.isInForce && error instanceof BacklogError;
      throw isOurs ? toWithheld(path, error) : error;
    }
  }

  async #get<Schema extends v.GenericSchema>(
    path: string,
    schema: Schema,
    query: Query = {},
  ): Promise<v.InferOutput<Schema>> {
    return this.#parse(path, schema, await this.#getJson(path, query));
  }

  async #list<Entry extends { id: number }>(
    path: string,
    schema: v.GenericSchema<unknown, Entry[]>,
    query: Query = {},
  ): Promise<Page<Entry> & { sent: Sent<Entry>[] }> {
    const json = await this.#getJson(path, query);
    // Before parsing, which drops entries that it cannot read.
    const received = Array.isArray(json) ? json.length : 0;
    const ids = toPage(json)
      .map(toId)
      .filter((id) => id !== undefined);
    const read = this.#parse(path, schema, json);
    const entries = [...new Map(read.map((one) => [one.id, one])).values()];
    if (entries.length < read.length) {
      this.notes.add(
        `Backlog sent the same ID more than once in GET ${path}; it is shown once.`,
      );
    }
    return { entries, received, ids, sent: toSent(json, read) };
  }

  async #getJson(path: string, query: Query): Promise<unknown> {
    const body = toText(await this.#send(path, { query }));
    try {
      return JSON.parse(body);
    } catch {
      throw toFormatError(path, body, this.host);
    }
  }

  #parse<Schema extends v.GenericSchema>(
    path: string,
    schema: Schema,
    json: unknown,
  ): v.InferOutput<Schema> {
    try {
      const { output, leftOut } = parseLeniently(schema, json);
      for (const [what, times] of leftOut) {
        this.leftOut.set(what, (this.leftOut.get(what) ?? 0) + times);
      }
      return redactTexts(output, (text) => this.redact(text));
    } catch (cause) {
      if (cause instanceof TypeError) throw toShapeError(path, cause);
      throw cause;
    }
  }
}

export type ProjectChoices =
  | "statuses"
  | "versions"
  | "categories"
  | "issueTypes";

/** No more than was asked for, however much was sent. */
function toPage(json: unknown) {
  return Array.isArray(json) ? json.slice(0, PAGE_SIZE) : [];
}

/** What an entry is known by, whatever else of it can be read. */
function toId(entry: unknown): number | undefined {
  const id =
    typeof entry === "object" && entry !== null && "id" in entry
      ? entry.id
      : undefined;
  return typeof id === "number" && Number.isSafeInteger(id) ? id : undefined;
}

/** The entries at their places among what was sent: none was moved. */
function toSent<Entry extends { id: number }>(
  json: unknown,
  read: readonly Entry[],
): Sent<Entry>[] {
  let next = 0;
  return toPage(json).map((one) => {
    const isClosed = one?.status?.id === CLOSED;
    const entry = read[next];
    if (entry === undefined || one?.id !== entry.id) return { isClosed };
    next += 1;
    return { entry, isClosed };
  });
}

/** The same value, every text in it redacted in place. */
function redactTexts<Value>(
  value: Value,
  redact: (text: string) => string,
): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "string") Reflect.set(value, key, redact(inner));
    else redactTexts(inner, redact);
  }
  return value;
}
