import { setTimeout as sleep } from "node:timers/promises";
import {
  BacklogError,
  notUnpacked,
  outOfTime,
  packedOtherwise,
  type Retry,
  secondsToReset,
  timedOut,
  toFormatError,
  toNetworkError,
  tooLarge,
  tooLong,
  tooMany,
  tooMuch,
  toRefusal,
  valueOrError,
} from "./errors.ts";
import { version } from "./package.json";
import { type Connection, isLoopback } from "./settings.ts";

/** How long and how much a request, and all of a call, may take. */
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
  /** Of an answer, unpacked. */
  bodyBytes: 32 * 1024 * 1024,
  /** Of all answers together: what they hold may be kept until the call ends. */
  bytesPerCall: 256 * 1024 * 1024,
  /** Request lines above this may be refused on the way. */
  pathAndQueryBytes: 8_000,
};
export type Limits = typeof LIMITS;

/** Parameters by Backlog's names for them. */
export type Query = Record<
  string,
  string | number | boolean | readonly (string | number)[] | undefined
>;

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

/** What all calls to a space share: the key in use, the queue, the limits. */
export class Space {
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

  get host(): string {
    return new URL(this.connection.origin).host;
  }
}

/** What is asked for, and how much of it is taken. */
export interface GetRequest {
  path: string;
  query?: Query;
  accept?: string;
  /** Of the body; undefined: as many as any answer may have. */
  mostBytes?: number;
}

/** The requests of one call: GET only, with one deadline for all of them. */
export class Requests {
  readonly space: Space;
  readonly host: string;
  /** Aborted once the client has cancelled, or the call has its answer. */
  readonly signal: AbortSignal;
  readonly #ending = new AbortController();
  readonly #outOfTime: AbortSignal;
  readonly #deadline: number;
  readonly #projects: string;
  #sent = 0;
  #bytes = 0;
  #renewal: Promise<void> | undefined;

  constructor(space: Space, cancelled?: AbortSignal) {
    this.space = space;
    this.host = space.host;
    this.#projects = String(space.connection.projects);
    const leftMs = space.limits.callMs - space.limits.answerMs;
    this.#deadline = performance.now() + leftMs;
    this.#outOfTime = AbortSignal.timeout(Math.max(leftMs, 0));
    const { signal } = this.#ending;
    this.signal = cancelled ? AbortSignal.any([cancelled, signal]) : signal;
  }

  /** Requests of a class left in this minute; undefined: not known yet. */
  remaining(rate: RateClass): number | undefined {
    return this.space.rates.remaining(rate);
  }

  /** Before anything is cut or measured, or a part of a key might remain. */
  redact(text: string): string {
    return this.space.connection.redact?.(text) ?? text;
  }

  /** Stops whatever is still under way. */
  end(): void {
    this.#ending.abort(new Error("the call has ended"));
  }

  /** The body of a 200 answer, asked for again where that can help. */
  protected async get(request: GetRequest): Promise<Uint8Array> {
    const space = this.space;
    const { pathAndQueryBytes } = space.limits;
    const { length } = toTarget(request);
    if (length > pathAndQueryBytes) throw tooLong(length, pathAndQueryBytes);
    for (let attempt = 1; ; attempt += 1) {
      const { apiKey, projects } = space.connection;
      // What may be shown is decided when a call begins.
      if (String(projects) !== this.#projects) {
        throw new Error(
          "BACKLOG_PROJECTS has changed since this call began. Call again.",
        );
      }
      const result = await valueOrError(this.#attempt(request));
      if (!(result instanceof BacklogError)) return result;
      if (result.status === 401) {
        await this.#renew();
        if (space.connection.apiKey !== apiKey) continue;
      }
      const waitMs = this.#waitBeforeRetry(result.retry, attempt);
      if (waitMs === undefined) throw result;
      await sleep(waitMs, undefined, { signal: this.signal });
    }
  }

  /** What the body says. */
  protected async getJson(path: string, query: Query): Promise<unknown> {
    const body = toText(await this.get({ path, query }));
    try {
      return JSON.parse(body);
    } catch {
      throw toFormatError(path, body, this.host);
    }
  }

  /** Reads the settings again, once in a call: a mended key counts at once. */
  #renew(): Promise<void> {
    const space = this.space;
    this.#renewal ??= (async () => {
      const renewed = await space.connection.renew?.();
      if (renewed) space.connection = renewed;
    })();
    return this.#renewal;
  }

  /** Undefined where no further attempt can help, or time is short. */
  #waitBeforeRetry(retry: Retry, attempt: number) {
    const { attempts, retryWaitMs, rateLimitWaitMs } = this.space.limits;
    if (retry === "never" || attempt >= attempts) return undefined;
    const waitMs =
      retry === "after a wait"
        ? // Jitter keeps many clients from coming back all at once.
          retryWaitMs * 3 ** (attempt - 1) * (0.5 + Math.random())
        : retry.afterMs;
    if (retry !== "after a wait" && waitMs > rateLimitWaitMs) return undefined;
    return performance.now() + waitMs < this.#deadline ? waitMs : undefined;
  }

  async #attempt(request: GetRequest): Promise<Uint8Array> {
    const { path } = request;
    const { space } = this;
    const { limits } = space;
    // In the queue as well: the client does not care why it waits.
    const untilDeadline = AbortSignal.any([this.signal, this.#outOfTime]);
    let timeOut: AbortSignal | undefined;
    let leave: (() => void) | undefined;
    try {
      leave = await space.slots.enter(untilDeadline);
      this.#sent += 1;
      if (this.#sent > limits.requestsPerCall) {
        throw tooMany(path, limits.requestsPerCall);
      }
      timeOut = AbortSignal.timeout(limits.attemptMs);
      const signal = AbortSignal.any([untilDeadline, timeOut]);
      const response = await send(space, request, signal);
      space.rates.note(path, response.headers);
      return await this.#read(request, response);
    } catch (cause) {
      this.signal.throwIfAborted();
      if (this.#outOfTime.aborted) throw outOfTime(path, limits.callMs);
      if (timeOut?.aborted) throw timedOut(path, limits.attemptMs);
      if (cause instanceof BacklogError) throw cause;
      throw toNetworkError(path, cause, this.host);
    } finally {
      leave?.();
    }
  }

  async #read(
    { path, mostBytes = this.space.limits.bodyBytes }: GetRequest,
    response: Response,
  ): Promise<Uint8Array> {
    const { status, headers } = response;
    const encoding = headers.get("content-encoding") ?? "identity";
    const stream = unpack(response.body, encoding);
    if (stream === undefined) {
      await response.body?.cancel();
      if (status === 200) throw packedOtherwise(path, encoding);
    }
    const body = await readWithin(stream, mostBytes).catch((cause) => {
      // A connection that breaks off has a code; bytes that are no gzip, none.
      if ("code" in Object(cause)) throw cause;
      if (status === 200) throw notUnpacked(path, cause);
      return new Uint8Array();
    });
    if (body === undefined) throw tooLarge(path, mostBytes);
    this.#bytes += body.length;
    const { bytesPerCall } = this.space.limits;
    if (this.#bytes > bytesPerCall) throw tooMuch(path, bytesPerCall);
    if (status === 200) return body;
    throw toRefusal(path, response, toText(body), this);
  }
}

function toTarget({ path, query = {} }: GetRequest): string {
  return `${path}${toQueryString(query)}`;
}

function send(
  { connection: { origin, apiKey } }: Space,
  request: GetRequest,
  signal: AbortSignal,
): Promise<Response> {
  // Undocumented, and not known to the types: "" and null still use HTTP_PROXY.
  const direct: object = isLoopback(origin) ? { proxy: false } : {};
  return fetch(`${origin}/api/v2${toTarget(request)}`, {
    method: "GET",
    headers: {
      "Backlog-API-Key": apiKey,
      "User-Agent": `backlog-mcp/${version}`,
      Accept: request.accept ?? "application/json",
      "Accept-Encoding": "gzip",
    },
    // A custom header would follow a redirect to another host.
    redirect: "manual",
    // Else a body is unpacked whole before anyone can stop it.
    decompress: false,
    // BUN_CONFIG_VERBOSE_FETCH would print the key, and
    // NODE_TLS_REJECT_UNAUTHORIZED=0 would trust any certificate.
    verbose: false,
    tls: { rejectUnauthorized: true },
    signal,
    ...direct,
  });
}

/** The body as it was before it was packed; undefined: not the way asked for. */
function unpack(body: Response["body"], encoding: string) {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return body ?? [];
    case "gzip":
    case "x-gzip":
      return body?.pipeThrough(new DecompressionStream("gzip")) ?? [];
    default:
      return undefined;
  }
}

/** All of it, or undefined where it is larger than `mostBytes`. */
async function readWithin(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = [],
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Backlog counts these apart, each in its minute. */
type RateClass = "search" | "read";

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
class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#free = size;
  }

  /** Resolves with the function that gives the slot back. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      signal.addEventListener("abort", () => {
        this.#waiting.delete(resolve);
        reject(signal.reason);
      });
      await promise;
    }
    return () => this.#leave();
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (!next) this.#free += 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
