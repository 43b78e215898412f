import type * as v from "valibot";
import { isZonedDay } from "./dates.ts";
import {
  BacklogError,
  type Failure,
  outOfTime,
  secondsToReset,
  timedOut,
  toFailure,
  toFormatError,
  toNetworkFailure,
  tooLarge,
  tooMany,
  toShapeError,
  valueOrError,
} from "./errors.ts";
import { version } from "./package.json";
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

export const LIMITS = {
  /** MCP clients give up at 60 s, so a call must have ended before. */
  callMs: 50_000,
  /** Kept back from a call's time, to answer with what is there. */
  answerMs: 5_000,
  attemptMs: 15_000,
  attempts: 3,
  /** Before the first retry; the second waits three times as long. */
  retryWaitMs: 500,
  /** A longer wait for Backlog's limit is told instead of waited. */
  rateLimitWaitMs: 10_000,
  concurrentRequests: 4,
  /** Each attempt counts. Where counts lie, pages would have no end. */
  requestsPerCall: 100,
  bodyBytes: 32 * 1024 * 1024,
  /** Request lines above this may be refused on the way. */
  pathAndQueryBytes: 8_000,
};
export type Limits = typeof LIMITS;

export type QueryValue =
  | string
  | number
  | boolean
  | readonly (string | number)[]
  | undefined;
export type Query = Record<string, QueryValue>;

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

/** `?a=1&b%5B%5D=2`: lists repeat `name[]`, empty and undefined are left out. */
export function toQueryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value !== "object") parameters.append(name, String(value));
    else for (const item of value) parameters.append(`${name}[]`, String(item));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Speaks to one space, with GET only and at most four requests at once. */
export class Backlog {
  /** Another one once Backlog has refused a key and there is a new one. */
  connection: Connection;
  readonly slots: Slots;
  readonly rates = new Rates();

  constructor(
    connection: Connection,
    readonly limits: Limits = LIMITS,
  ) {
    this.connection = connection;
    this.slots = new Slots(limits.concurrentRequests);
  }

  /** One tool call's access: its deadline starts now, `signal` cancels it. */
  open(signal?: AbortSignal, onProgress?: OnProgress): BacklogCall {
    return new BacklogCall(this, { signal, onProgress });
  }
}

/** The requests of one tool call, which share its deadline, and their facts. */
export class BacklogCall {
  /** What the answer has to say besides: a sentence each. */
  readonly notes = new Set<string>();
  /** What had to be left out of Backlog's answers, by request and field. */
  readonly leftOut = new Map<string, number>();
  readonly host: string;
  readonly #backlog: Backlog;
  readonly #deadline: number;
  readonly #ending = new AbortController();
  readonly #forgetClient: () => void;
  readonly #onProgress: OnProgress | undefined;
  #expected: number | undefined;
  #timeZone: Promise<string | BacklogError | undefined> | undefined;
  #renewal: Promise<void> | undefined;
  #requests = 0;

  constructor(
    backlog: Backlog,
    client: {
      signal?: AbortSignal | undefined;
      onProgress?: OnProgress | undefined;
    } = {},
  ) {
    this.#backlog = backlog;
    this.#onProgress = client.onProgress;
    const cancelled = client.signal;
    this.host = new URL(backlog.connection.origin).host;
    const { callMs, answerMs } = backlog.limits;
    this.#deadline = performance.now() + callMs - answerMs;
    const end = () => this.#ending.abort(cancelled?.reason);
    if (cancelled?.aborted) end();
    cancelled?.addEventListener("abort", end, { once: true });
    this.#forgetClient = () => cancelled?.removeEventListener("abort", end);
  }

  get origin(): string {
    return this.#backlog.connection.origin;
  }

  /** Requests of a class left in this minute; undefined: not known yet. */
  remaining(rate: RateClass): number | undefined {
    return this.#backlog.rates.remaining(rate);
  }

  /** Aborted once the client has cancelled, or the call has its answer. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Stops whatever is still under way. */
  end(): void {
    this.#forgetClient();
    this.#ending.abort(new Error("the call has ended"));
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
  listRelatedIssues(idOrKey: string) {
    return this.#get(`/issues/${idOrKey}/relatedIssues`, Responses.issueRows);
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
    return this.#request(path, { mostBytes, accept: "*/*" });
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

  async #list<Schema extends v.GenericSchema<unknown, unknown[]>>(
    path: string,
    schema: Schema,
    query: Query,
  ): Promise<Page<v.InferOutput<Schema>[number]>> {
    const json = await this.#getJson(path, query);
    // Before parsing, which drops entries that it cannot read.
    const received = Array.isArray(json) ? json.length : 0;
    return { entries: this.#parse(path, schema, json), received };
  }

  async #getJson(path: string, query: Query): Promise<unknown> {
    const bytes = await this.#request(path, { query });
    const body = toText(bytes);
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
      return redactTexts(output, this.#redact);
    } catch (cause) {
      if (cause instanceof TypeError) throw toShapeError(path, cause);
      throw cause;
    }
  }

  /** Before anything is cut or measured, or a part of a key might remain. */
  readonly #redact = (text: string): string =>
    this.#backlog.connection.redact?.(text) ?? text;

  /** The body of a 200 answer, retried where a repetition can help. */
  async #request(
    path: string,
    { query = {}, ...options }: RequestOptions,
  ): Promise<Uint8Array> {
    const { limits } = this.#backlog;
    const target = `${path}${toQueryString(query)}`;
    if (target.length > limits.pathAndQueryBytes) {
      throw new BacklogError(
        `The filters make a request of ${target.length} bytes, more than the ${limits.pathAndQueryBytes} that are safe to send. Name fewer IDs or names.`,
      );
    }
    for (let attempt = 1; ; attempt += 1) {
      const { apiKey } = this.#backlog.connection;
      const outcome = await this.#attempt(path, target, options);
      if (outcome instanceof Uint8Array) return outcome;
      if (outcome.error.status === 401) {
        await this.#renew();
        if (this.#backlog.connection.apiKey !== apiKey) continue;
      }
      const waitMs = this.#waitBeforeRetry(outcome.retry, attempt);
      if (waitMs === undefined) throw outcome.error;
      await sleep(waitMs, this.signal);
    }
  }

  /** Reads the settings again, once in a call: a mended key counts at once. */
  #renew(): Promise<void> {
    const backlog = this.#backlog;
    this.#renewal ??= (async () => {
      const renewed = await backlog.connection.renew?.();
      if (renewed) backlog.connection = renewed;
    })();
    return this.#renewal;
  }

  /** Undefined where no further attempt can help, or time is short. */
  #waitBeforeRetry(retry: Failure["retry"], attempt: number) {
    const { attempts, retryWaitMs, rateLimitWaitMs } = this.#backlog.limits;
    if (retry === "never" || attempt >= attempts) return undefined;
    const waitMs =
      retry === "after a wait"
        ? // Jitter keeps many clients from coming back all at once.
          retryWaitMs * 3 ** (attempt - 1) * (0.5 + Math.random())
        : retry.afterMs;
    if (retry !== "after a wait" && waitMs > rateLimitWaitMs) return undefined;
    return performance.now() + waitMs < this.#deadline ? waitMs : undefined;
  }

  async #attempt(
    path: string,
    target: string,
    options: Omit<RequestOptions, "query">,
  ): Promise<Uint8Array | Failure> {
    const { limits, slots, rates } = this.#backlog;
    const { signal } = this;
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const endIn = (ms: number, reason: Error) =>
      setTimeout(() => controller.abort(reason), Math.max(0, ms));
    // Runs in the queue as well: the client does not care why it waits.
    const timers = [endIn(this.#leftMs(), OUT_OF_TIME)];
    let leave: (() => void) | undefined;
    try {
      signal.throwIfAborted();
      leave = await slots.enter(controller.signal);
      timers.push(endIn(limits.attemptMs, TIMED_OUT));
      this.#requests += 1;
      if (this.#requests > limits.requestsPerCall) {
        return tooMany(path, limits.requestsPerCall);
      }
      const response = await this.#fetch(target, options, controller.signal);
      rates.note(path, response.headers);
      const mostBytes = options.mostBytes ?? limits.bodyBytes;
      const body = await readBody(response, mostBytes);
      if (body === undefined) return tooLarge(path, mostBytes);
      if (response.status === 200) return body;
      return toFailure(path, response, this.#redact(toText(body)), this.host);
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      if (cause === OUT_OF_TIME) return outOfTime(path, limits.callMs);
      if (cause === TIMED_OUT) return timedOut(path, limits.attemptMs);
      return toNetworkFailure(path, cause, this.host);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      leave?.();
    }
  }

  #leftMs(): number {
    return this.#deadline - performance.now();
  }

  #fetch(
    target: string,
    { accept = "application/json" }: RequestOptions,
    signal: AbortSignal,
  ) {
    const { origin, apiKey } = this.#backlog.connection;
    return fetch(`${origin}/api/v2${target}`, {
      method: "GET",
      headers: {
        "Backlog-API-Key": apiKey,
        "User-Agent": `backlog-mcp/${version}`,
        Accept: accept,
      },
      // A custom header would follow a redirect to another host.
      redirect: "manual",
      // BUN_CONFIG_VERBOSE_FETCH would print the key, and
      // NODE_TLS_REJECT_UNAUTHORIZED=0 would trust any certificate.
      verbose: false,
      tls: { rejectUnauthorized: true },
      signal,
    });
  }
}

interface RequestOptions {
  query?: Query;
  accept?: string;
  /** Of the body; undefined: as many as any answer may have. */
  mostBytes?: number;
}

export type ProjectChoices =
  | "statuses"
  | "versions"
  | "categories"
  | "issueTypes";

// An abort's reason tells a time-out from a cancelled call.
const TIMED_OUT = new Error("timed out");
const OUT_OF_TIME = new Error("out of time");

function toText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
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

/** The body, or undefined where it is larger than `mostBytes`. */
async function readBody(
  response: Response,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Backlog counts these apart, each in its minute. */
export type RateClass = "search" | "read";

/** What Backlog's answers tell of its limits, as long as it holds. */
class Rates {
  readonly #seen = new Map<
    RateClass,
    { remaining: number; reset: string | null; until: number }
  >();

  remaining(rate: RateClass): number | undefined {
    const seen = this.#seen.get(rate);
    return seen && seen.until > Date.now() ? seen.remaining : undefined;
  }

  /** https://developer.nulab.com/docs/backlog/rate-limit/ */
  note(path: string, headers: Headers): void {
    const rate = /^\/issues(\/count)?$/.test(path) ? "search" : "read";
    const text = headers.get("x-ratelimit-remaining") ?? "";
    if (!/^\d{1,9}$/.test(text)) return;
    const reset = headers.get("x-ratelimit-reset");
    const before = this.#seen.get(rate);
    // Of two answers under way at once the one that came last may be older.
    const isSameMinute = reset !== null && before?.reset === reset;
    const least = isSameMinute ? before.remaining : Number(text);
    this.#seen.set(rate, {
      remaining: Math.min(Number(text), least),
      reset,
      until: Date.now() + Math.min(secondsToReset(headers) ?? 60, 60) * 1000,
    });
  }
}

/** At most `size` holders at a time; the others wait in their order. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#free = size;
  }

  /** Resolves with the function that gives the slot back. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  #wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = () => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(proceed);
        reject(signal?.reason);
      };
      this.#waiting.add(proceed);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #leave(): void {
    for (const proceed of this.#waiting) {
      this.#waiting.delete(proceed);
      proceed();
      return;
    }
    this.#free += 1;
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const giveUp = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", giveUp);
      resolve();
    }, ms);
    signal?.addEventListener("abort", giveUp, { once: true });
  });
}
