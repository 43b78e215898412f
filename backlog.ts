import { isZonedDay } from "./dates.ts";
import {
  BacklogError,
  noProject,
  toWithheld,
  valueOrError,
  WITHHELD,
  withheld,
} from "./errors.ts";
import { type GetRequest, type Query, Requests, Space } from "./http.ts";
import {
  type Activity,
  type Comment,
  type IssueRow,
  type Project,
  parseLeniently,
  Responses,
  type Schema,
  type Sent,
} from "./responses.ts";

/** One page of a list. */
interface Page<Entry> {
  /** Those that can be read and may be shown, each once. */
  entries: Entry[];
  /** Place by place, in Backlog's order: the other ones too. */
  sent: Sent<Entry>[];
}
export type IssuePage = Page<IssueRow>;

export type OnProgress = (done: number, total?: number) => void;

/** Speaks to one space, with GET only and at most four requests at once. */
export class Backlog extends Space {
  /** One tool call's access: its deadline starts now, `signal` cancels it. */
  open(signal?: AbortSignal, onProgress?: OnProgress): BacklogCall {
    return new BacklogCall(this, signal, onProgress);
  }
}

/** The requests of one tool call, which share its deadline, and their facts. */
export class BacklogCall extends Requests {
  /** What the answer has to say besides: a sentence each. */
  readonly notes = new Set<string>();
  /** What had to be left out of Backlog's answers, by request and field. */
  readonly leftOut = new Map<string, number>();
  readonly origin = this.space.connection.origin;
  readonly #filter = new ProjectFilter(
    this.space.connection.projects,
    this.notes,
  );
  readonly #onProgress: OnProgress | undefined;
  #expected: number | undefined;
  #timeZone: Promise<string | BacklogError | undefined> | undefined;
  #allowed: Promise<Project[]> | undefined;
  /** By ID or key; rejects where the issue may not be shown. */
  readonly #issues = new Map<string, Promise<unknown>>();

  constructor(space: Space, cancelled?: AbortSignal, onProgress?: OnProgress) {
    super(space, cancelled);
    this.#onProgress = onProgress;
  }

  /** What a refusal says besides while BACKLOG_PROJECTS is in force. */
  get restriction(): string | undefined {
    return this.#filter.isInForce ? WITHHELD : undefined;
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
  async getTimeZone(days?: readonly (string | null | undefined)[]) {
    if (days && !days.some((day) => day && isZonedDay(day))) return undefined;
    this.#timeZone ??= valueOrError(
      this.getSpace().then(({ timezone }) => timezone ?? undefined),
    );
    return this.keep("The space's time zone", await this.#timeZone);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
  getIssue(idOrKey: string) {
    return this.#readIssue(idOrKey, async (path) => {
      const get = (query: Query) => this.#get(path, Responses.issue, query);
      // It would count the children of every project.
      if (this.#filter.isInForce) {
        return { ...(await get({})), childIssueSummary: undefined };
      }
      const issue = await valueOrError(get({ expand: ["childIssueSummary"] }));
      if (!(issue instanceof BacklogError)) return issue;
      // A space that does not know the parameter may refuse it.
      if (issue.status !== 400) throw issue;
      return await get({});
    });
  }

  /** As `getIssue`, read for what a list shows of it. */
  getIssueRow(idOrKey: string) {
    const row = Responses.issueRow;
    return this.#readIssue(idOrKey, (path) => this.#get(path, row));
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-issue-list/ */
  async listIssues(query: Query): Promise<IssuePage> {
    const within = await this.#within(query);
    if (!within) return { entries: [], sent: [] };
    const rows = Responses.issueRows;
    const page = await this.#list("/issues", rows, within, toIssueKey);
    for (const { id, issueKey } of page.entries) {
      this.#issues.set(String(id), Promise.resolve());
      this.#issues.set(issueKey, Promise.resolve());
    }
    return page;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-issue/ */
  async countIssues(query: Query): Promise<number> {
    // An order says nothing about a count, and might be refused there.
    const { sort, order, ...filters } = query;
    const within = await this.#within(filters);
    if (!within) return 0;
    return (await this.#get("/issues/count", Responses.count, within)).count;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
  listComments(idOrKey: string, query: Query) {
    return this.#ofIssue(idOrKey, "comments", async (path) => {
      const page = await this.#list(path, Responses.comments, query);
      for (const comment of page.entries) {
        comment.changeLog = this.#filter.changes(comment);
      }
      return page;
    });
  }

  /** https://developer.nulab.com/docs/backlog/api/2/count-comment/ */
  countComments(idOrKey: string) {
    return this.#ofIssue(idOrKey, "comments/count", async (path) => {
      return (await this.#get(path, Responses.count)).count;
    });
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-list-of-related-issues/ */
  listRelatedIssues(idOrKey: string): Promise<IssueRow[]> {
    return this.#ofIssue(idOrKey, "relatedIssues", async (path) => {
      const rows = Responses.relatedIssues;
      return (await this.#list(path, rows, {}, toIssueKey)).entries;
    });
  }

  /**
   * The file's bytes; one of more than `mostBytes` is an error.
   * https://developer.nulab.com/docs/backlog/api/2/get-issue-attachment/
   */
  getAttachment(idOrKey: string, id: number, mostBytes: number) {
    return this.#ofIssue(idOrKey, `attachments/${id}`, (path) =>
      this.get({ path, mostBytes, accept: "*/*" }),
    );
  }

  /**
   * What somebody did, the newest first.
   * https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/
   */
  async listActivities(userId: number, query: Query) {
    const path = `/users/${userId}/activities`;
    const toKey = ({ project }: Activity) => project.projectKey;
    const [page] = await Promise.all([
      this.#list(path, Responses.activities, query, toKey),
      this.#allowedProjects(),
    ]);
    return page;
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-own-user/ */
  getMyself() {
    return this.#get("/users/myself", Responses.user);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-project-list/ */
  async listProjects(): Promise<Project[]> {
    const allowed = await this.#allowedProjects();
    return allowed ?? (await this.#get("/projects", Responses.projects));
  }

  /** The members: https://developer.nulab.com/docs/backlog/api/2/get-project-user-list/ */
  listProjectUsers(project: string | number) {
    return this.#ofProject(project, "users", Responses.users);
  }

  /** A project's statuses, versions, categories or issue types. */
  listProjectChoices(project: string | number, kind: ProjectChoices) {
    return this.#ofProject(project, kind, Responses.choices);
  }

  /** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
  listCustomFields(project: string | number) {
    return this.#ofProject(project, "customFields", Responses.customFields);
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
  protected override async get(request: GetRequest) {
    try {
      return await super.get(request);
    } catch (error) {
      const isOurs = this.#filter.isInForce && error instanceof BacklogError;
      throw isOurs ? toWithheld(request.path, error) : error;
    }
  }

  async #get<Output>(
    path: string,
    schema: Schema<Output>,
    query: Query = {},
  ): Promise<Output> {
    return parseLeniently(schema, await this.getJson(path, query), {
      path,
      leftOut: this.leftOut,
      redact: (text) => this.redact(text),
    });
  }

  async #list<Entry extends { id: number }>(
    path: string,
    schema: Schema<Sent<Entry>[]>,
    query: Query,
    toKey?: (entry: Entry) => string,
  ): Promise<Page<Entry>> {
    const sent = await this.#get(path, schema, query);
    const read = sent.flatMap(({ entry }) => entry ?? []);
    const unique = [...new Map(read.map((one) => [one.id, one])).values()];
    if (unique.length < read.length) {
      this.notes.add(
        `Backlog sent the same ID more than once in GET ${path}; it is shown once.`,
      );
    }
    const entries = toKey ? this.#filter.only(unique, toKey) : unique;
    const shown = new Set(entries.map(({ id }) => id));
    for (const place of sent) {
      if (place.entry && !shown.has(place.entry.id)) place.entry = undefined;
    }
    return { entries, sent };
  }

  /** Those that BACKLOG_PROJECTS lets through; undefined: all. */
  async #allowedProjects(): Promise<Project[] | undefined> {
    if (!this.#filter.isInForce) return undefined;
    this.#filter.throwIfEmpty();
    this.#allowed ??= this.#get("/projects", Responses.projects).then((all) =>
      this.#filter.projects(all),
    );
    return await this.#allowed;
  }

  /** The same query within the projects allowed; undefined: none is left. */
  async #within(query: Query): Promise<Query | undefined> {
    const allowed = await this.#allowedProjects();
    if (!allowed) return query;
    const asked = [query.projectId ?? []].flat().map(String);
    const left = allowed.filter(
      ({ id }) => asked.length === 0 || asked.includes(String(id)),
    );
    if (left.length === 0) {
      this.notes.add(
        "No project is left of those asked for, so nothing was searched: BACKLOG_PROJECTS leaves them out, or they do not exist.",
      );
      return undefined;
    }
    const keys = left.map(({ projectKey }) => projectKey).join(", ");
    this.notes.add(
      `Only projects that BACKLOG_PROJECTS allows are read: ${keys}.`,
    );
    return { ...query, projectId: left.map(({ id }) => id) };
  }

  /** What belongs to a project. Throws where that may not be shown. */
  async #ofProject<Output>(
    idOrKey: string | number,
    what: string,
    schema: Schema<Output>,
  ): Promise<Output> {
    const path = `/projects/${idOrKey}`;
    const allowed = await this.#allowedProjects();
    const names = allowed?.flatMap(({ id, projectKey }) => [id, projectKey]);
    if (names && !names.map(String).includes(String(idOrKey))) {
      throw withheld(path);
    }
    return await this.#get(`${path}/${what}`, schema);
  }

  /** The issue. Throws where it may not be shown, whatever it was asked by. */
  #readIssue<Issue extends { issueKey: string }>(
    idOrKey: string,
    read: (path: string) => Promise<Issue>,
  ): Promise<Issue> {
    const asking = (async () => {
      const path = this.#filter.toIssuePath(idOrKey);
      const [issue] = await Promise.all([read(path), this.#allowedProjects()]);
      // An ID says nothing of the project, and an issue may have moved.
      if (!this.#filter.allows(issue.issueKey)) throw withheld(path);
      return issue;
    })();
    this.#issues.set(idOrKey, asking);
    return asking;
  }

  /** What belongs to an issue, once that is known to be one to show. */
  async #ofIssue<Value>(
    idOrKey: string,
    what: string,
    read: (path: string) => Promise<Value>,
  ): Promise<Value> {
    const path = this.#filter.toIssuePath(idOrKey);
    if (this.#filter.isInForce) {
      await (this.#issues.get(idOrKey) ?? this.getIssueRow(idOrKey));
    }
    return await read(`${path}/${what}`);
  }
}

export type ProjectChoices =
  | "statuses"
  | "versions"
  | "categories"
  | "issueTypes";

const toIssueKey = ({ issueKey }: { issueKey: string }) => issueKey;

/**
 * What BACKLOG_PROJECTS lets through, decided by the keys that come back.
 * Without such a list everything passes.
 */
class ProjectFilter {
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #notes: Set<string>;
  #leftOut = 0;

  constructor(keys: readonly string[] | undefined, notes: Set<string>) {
    this.#allowed = keys && new Set(keys.map((key) => key.toUpperCase()));
    this.#notes = notes;
  }

  get isInForce(): boolean {
    return this.#allowed !== undefined;
  }

  /** Of a project's key, or an issue's. */
  allows(key: string): boolean {
    const project = key.replace(/-\d+$/, "").toUpperCase();
    return this.#allowed?.has(project) ?? true;
  }

  throwIfEmpty(): void {
    if (this.#allowed?.size === 0) throw noProject([]);
  }

  /** `/issues/WEB-1`. Throws where the key alone says that it is not shown. */
  toIssuePath(idOrKey: string): string {
    this.throwIfEmpty();
    const path = `/issues/${idOrKey}`;
    const isKey = !/^\d+$/.test(idOrKey);
    if (isKey && !this.allows(idOrKey)) throw withheld(path);
    return path;
  }

  /** Of all projects those allowed: at least one. */
  projects(all: readonly Project[]): Project[] {
    const shown = all.filter(({ projectKey }) => this.allows(projectKey));
    const keys = shown.map(({ projectKey }) => projectKey.toUpperCase());
    const absent = [...(this.#allowed?.difference(new Set(keys)) ?? [])];
    if (shown.length === 0) throw noProject(absent);
    if (absent.length > 0) {
      this.#notes.add(
        `BACKLOG_PROJECTS names ${absent.join(", ")}, which Backlog does not show to this key.`,
      );
    }
    return shown;
  }

  /** Less the changes in which an issue of another project is named. */
  changes({ changeLog }: Comment): Comment["changeLog"] {
    if (!changeLog) return changeLog;
    return this.only(changeLog, ({ field, originalValue, newValue }) =>
      WITHOUT_ISSUES.has(field)
        ? undefined
        : `${originalValue} ${newValue}`
            .match(ISSUE_KEYS)
            ?.find((key) => !this.allows(key)),
    );
  }

  /** Less the entries of other projects, which are counted. */
  only<Entry>(
    entries: readonly Entry[],
    toKey: (entry: Entry) => string | undefined,
  ): Entry[] {
    const shown = entries.filter((entry) => {
      const key = toKey(entry);
      return key === undefined || this.allows(key);
    });
    if (shown.length < entries.length) {
      this.#notes.delete(toNote(this.#leftOut));
      this.#leftOut += entries.length - shown.length;
      this.#notes.add(toNote(this.#leftOut));
    }
    return shown;
  }
}

function toNote(times: number): string {
  const entries = times === 1 ? "1 entry" : `${times} entries`;
  return `BACKLOG_PROJECTS leaves out ${entries} of other projects.`;
}

/** Changed fields whose values look like a key at most by chance: `SPRINT-42`. */
const WITHOUT_ISSUES: ReadonlySet<string> = new Set([
  ...["summary", "description", "component", "version", "milestone", "status"],
  ...["assigner", "issueType", "startDate", "limitDate", "priority"],
  ...["resolution", "estimatedHours", "actualHours", "notification"],
  ...["attachment", "commit"],
]);
const ISSUE_KEYS = /(?<!\w)\w{1,25}-\d{1,10}(?!\w)/g;
