import type * as v from "valibot";
import { isZonedDay } from "./dates.ts";
import {
  BacklogError,
  toFormatError,
  toShapeError,
  valueOrError,
} from "./errors.ts";
import {
  LIMITS,
  type Limits,
  type Query,
  type RateClass,
  Requests,
  Space,
  toText,
} from "./http.ts";
import {
  type Activity,
  type Comment,
  type Issue,
  type IssueRow,
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

  constructor(space: Space, cancelled?: AbortSignal, onProgress?: OnProgress) {
    this.#space = space;
    this.host = space.host;
    this.origin = space.connection.origin;
    this.#requests = new Requests(space, cancelled);
    this.#onProgress = onProgress;
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

  /** The space's own, asked once, and only where one of the days is in it. */
  async getTimeZone(
    days: readonly (string | null | undefined)[],
  ): Promise<string | undefined> {
    if (!days.some((day) => day && isZonedDay(day))) return undefined;
    this.#timeZone ??= valueOrError(
      this.getSpace().then(({ timezone }) => timezone ?? undefined),
    );
    return this.keep("The space's time zone", await this.#timeZone);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
  async getIssue(idOrKey: string): Promise<Issue> {
    const path = `/issues/${idOrKey}`;
    try {
      return await this.#get(path, Responses.issue, {
        expand: ["childIssueSummary"],
      });
    } catch (error) {
      // A space that does not know the parameter may refuse it.
      if (!(error instanceof BacklogError && error.status === 400)) throw error;
      return await this.#get(path, Responses.issue);
    }
  }

  /** As `getIssue`, read for what a list shows of it. */
  getIssueRow(idOrKey: string) {
    return this.#get(`/issues/${idOrKey}`, Responses.issueRow);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue-list/ */
  listIssues(query: Query): Promise<Page<IssueRow>> {
    return this.#list("/issues", Responses.issueRows, query);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-issue/ */
  async countIssues(query: Query): Promise<number> {
    // An order says nothing about a count, and might be refused there.
    const { sort, order, ...filters } = query;
    return (await this.#get("/issues/count", Responses.count, filters)).count;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
  listComments(idOrKey: string, query: Query): Promise<Page<Comment>> {
    const path = `/issues/${idOrKey}/comments`;
    return this.#list(path, Responses.comments, query);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-comment/ */
  async countComments(idOrKey: string): Promise<number> {
    const path = `/issues/${idOrKey}/comments/count`;
    return (await this.#get(path, Responses.count)).count;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-list-of-related-issues/ */
  async listRelatedIssues(idOrKey: string): Promise<IssueRow[]> {
    const path = `/issues/${idOrKey}/relatedIssues`;
    return (await this.#list(path, Responses.relatedIssues)).entries;
  }

  /**
   * The file's bytes; one of more than `mostBytes` is an error.
   * https://developer.nulab.com/docs/backlog/api/2/get-issue-attachment/
   */
  getAttachment(
    issueIdOrKey: string,
    id: number,
    mostBytes: number,
  ): Promise<Uint8Array> {
    const path = `/issues/${issueIdOrKey}/attachments/${id}`;
    return this.#requests.get(path, { mostBytes, accept: "*/*" });
  }

  /**
   * What somebody did, or what happened in a project, the newest first.
   * https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/
   */
  listActivities(
    path: `/users/${number}/activities` | `/projects/${string}/activities`,
    query: Query,
  ): Promise<Page<Activity>> {
    return this.#list(path, Responses.activities, query);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
  listCustomFields(project: string | number) {
    return this.#get(
      `/projects/${project}/customFields`,
      Responses.customFields,
    );
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-own-user/ */
  getMyself(): Promise<User> {
    return this.#get("/users/myself", Responses.user);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-project-list/ */
  listProjects(query: Query = {}) {
    return this.#get("/projects", Responses.projects, query);
  }

  /** The members: https://developer.nulab.com/docs/backlog/api/2/get-project-user-list/ */
  listProjectUsers(project: string | number) {
    return this.#get(`/projects/${project}/users`, Responses.users);
  }

  /** A project's statuses, versions, categories or issue types. */
  listProjectChoices(project: string | number, kind: ProjectChoices) {
    return this.#get(`/projects/${project}/${kind}`, Responses.choices);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-space/ */
  getSpace() {
    return this.#get("/space", Responses.space);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-rate-limit/ */
  getRateLimit() {
    return this.#get("/rateLimit", Responses.rateLimit);
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
  ): Promise<Page<Entry>> {
    const json = await this.#getJson(path, query);
    // Before parsing, which drops entries that it cannot read.
    const received = Array.isArray(json) ? json.length : 0;
    const read = this.#parse(path, schema, json);
    const entries = [...new Map(read.map((one) => [one.id, one])).values()];
    if (entries.length < read.length) {
      this.notes.add(
        `Backlog sent the same ID more than once in GET ${path}; it is shown once.`,
      );
    }
    return { entries, received };
  }

  async #getJson(path: string, query: Query): Promise<unknown> {
    const body = toText(await this.#requests.get(path, { query }));
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
      return redactTexts(output, (text) => this.#space.redact(text));
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
