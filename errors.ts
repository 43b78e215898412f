import * as v from "valibot";
import { Cleaner, quote } from "./text.ts";

interface Details {
  status?: number;
  retry?: Retry;
  cause?: unknown;
}

/** Whether another attempt can help, and when. */
export type Retry = "never" | "after a wait" | { afterMs: number };

/** What Backlog refused, or what came between; the message is fit to read. */
export class BacklogError extends Error {
  override readonly name = "BacklogError";
  /** Backlog's HTTP status, where it answered at all. */
  readonly status: number | undefined;
  readonly retry: Retry;

  constructor(message: string, { status, retry, cause }: Details = {}) {
    super(message, { cause });
    this.status = status;
    this.retry = retry ?? "never";
  }
}

/** With a few words around it, a message stays below 2,000 characters. */
const MOST_CHARACTERS = 1_800;

/** What an error says, in at most 1,900 characters; anything can be thrown. */
export function toMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const more = message.length - MOST_CHARACTERS;
  return more > 0
    ? `${message.slice(0, MOST_CHARACTERS).toWellFormed()}… (${more} characters more)`
    : message;
}

/** The value, or why there is none: one failing part sinks nothing else. */
export async function valueOrError<Value>(
  promise: Promise<Value>,
): Promise<Value | BacklogError> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof BacklogError) return error;
    throw error;
  }
}

/** Whom Backlog answers, and what takes the key out of what it says. */
interface Asker {
  host: string;
  redact(text: string): string;
}

/** What an answer other than 200 stands for. */
export function toRefusal(
  path: string,
  { status, headers }: Response,
  body: string,
  asker: Asker,
): BacklogError {
  const { host } = asker;
  if (status >= 300 && status < 400) {
    const target = toHost(headers.get("location"), `https://${host}`);
    const advice = path.includes("/attachments/")
      ? "Open the file from the issue's address in a browser."
      : "Check BACKLOG_DOMAIN.";
    return new BacklogError(
      `${host} redirects GET ${path} to ${asker.redact(target)} (${status}). Redirects are not followed, so that the API key goes to no other place. ${advice}`,
      { status },
    );
  }
  const { code, said } = readErrors(body, asker);
  const request = `GET ${path} (${[status, ...said].join(", ")})`;
  if (status >= 500) {
    const isPassing = [500, 502, 503, 504].includes(status);
    return new BacklogError(
      `Backlog failed on ${request}. Try again in a minute.`,
      { status, retry: isPassing ? "after a wait" : "never" },
    );
  }
  if (status === 429) return toRateLimit(request, secondsToReset(headers));
  const advice = isHtml(body)
    ? `The answer is a page of HTML: check that BACKLOG_DOMAIN (${host}) is the address of a Backlog space.`
    : toAdvice(status, code, host);
  return new BacklogError(`Backlog refused ${request}. ${advice}`, { status });
}

/**
 * What to do about a refusal. The codes:
 * https://developer.nulab.com/docs/backlog/error-response/
 */
function toAdvice(status: number, code: number | undefined, host: string) {
  if (code === 4) {
    return "This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that.";
  }
  if (code === 12) {
    return "This space requires two-step login, and the owner of this API key has not set it up. Set it up in the Nulab account; retrying will not help before that.";
  }
  if (code === 2 || code === 3) {
    return "The space's plan does not allow the API, or has expired. Ask the space's administrator; retrying will not help.";
  }
  if (status === 403 || code === 5) {
    return "The owner of this API key may not read it; retrying will not help.";
  }
  if (status === 401 || code === 11) {
    return `The API key is wrong or revoked, or belongs to another space than ${host}. Take BACKLOG_API_KEY from Personal Settings > API of your space, or correct BACKLOG_DOMAIN; retrying will not help before that.`;
  }
  if (status === 404) {
    return "It does not exist, or this key may not see it; Backlog does not say which.";
  }
  return "Change the arguments; retrying unchanged will not help.";
}

/** Until the minute of Backlog's limit is over; undefined: it does not say. */
export function secondsToReset(headers: Headers): number | undefined {
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  // The server's own clock: this machine's may be wrong.
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  const seconds = Math.ceil(reset - now / 1000);
  // Whoever counts in other units would have us wait for years.
  return seconds < 3_600 ? seconds : undefined;
}

function toRateLimit(request: string, seconds: number | undefined) {
  const wait = seconds === undefined ? undefined : Math.max(seconds, 1);
  const advice = wait
    ? `The limit resets in ${wait} s; try again then.`
    : "Try again in a minute.";
  return new BacklogError(
    `Backlog refused ${request}: too many requests in this minute. ${advice}`,
    { status: 429, retry: wait ? { afterMs: wait * 1000 } : "never" },
  );
}

/** A network error in words. */
export function toNetworkError(
  path: string,
  cause: unknown,
  host: string,
): BacklogError {
  const code = toCode(cause);
  if (/CERT|SELF_SIGNED|ISSUER|VERIFY|ALTNAME|CRL/.test(code)) {
    return new BacklogError(
      `The certificate of ${host} is not trusted (${code}), so GET ${path} was not sent. If your company inspects traffic, add its certificate to the system's store or name its file in NODE_EXTRA_CA_CERTS; retrying will not help before that.`,
      { cause },
    );
  }
  if (code === "EPROTO") {
    return new BacklogError(
      `${host} did not complete the TLS handshake for GET ${path}. Check BACKLOG_DOMAIN and, if there is one, the proxy.`,
      { cause },
    );
  }
  const check = `Check BACKLOG_DOMAIN and the network${describeProxy(host)}`;
  return new BacklogError(
    code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `The name ${host} could not be resolved for GET ${path}. ${check}.`
      : `Could not reach ${host} for GET ${path} (${code || "network error"}). ${check}; try again in a minute.`,
    { cause, retry: "after a wait" },
  );
}

/** Names the proxy that Bun takes from the environment, never its password. */
function describeProxy(host: string): string {
  // What is on this machine is never asked through one.
  if (/^(localhost|127\.|\[::1\])/.test(host)) return "";
  const value = process.env.https_proxy || process.env.HTTPS_PROXY;
  if (!value) return "";
  const address = value.replace(/^(?!\w+:\/\/)/, "http://");
  return `, and the proxy ${toHost(address, "http://proxy")} that HTTPS_PROXY names`;
}

/** One attempt took too long. */
export function timedOut(path: string, attemptMs: number): BacklogError {
  return new BacklogError(
    `Backlog did not answer GET ${path} within ${attemptMs / 1000} s. Narrow the search or try again.`,
    { retry: "after a wait" },
  );
}

/** The call's whole time is used up. */
export function outOfTime(path: string, callMs: number): BacklogError {
  return new BacklogError(
    `The ${callMs / 1000} s that one call may take were used up before Backlog answered GET ${path}. Narrow the search or try again.`,
  );
}

/** The call has sent as many requests as one may. */
export function tooMany(path: string, requestsPerCall: number): BacklogError {
  return new BacklogError(
    `This call has sent the ${requestsPerCall} requests that one may, so GET ${path} was not sent. Narrow the search; retrying unchanged will not help.`,
  );
}

/** The call's answers are more than is kept of one. */
export function tooMuch(path: string, mostBytes: number): BacklogError {
  return new BacklogError(
    `With GET ${path} this call has read more than the ${mostBytes >> 20} MiB that one may. Narrow the search; retrying unchanged will not help.`,
  );
}

/** The request's line is longer than is sent; 414 is what others say to that. */
export function tooLong(bytes: number, most: number): BacklogError {
  return new BacklogError(
    `The filters make a request of ${bytes} bytes, more than the ${most} that are safe to send. Name fewer IDs or names.`,
    { status: 414 },
  );
}

/** The answer is larger than is read into memory. */
export function tooLarge(path: string, mostBytes: number): BacklogError {
  const most =
    mostBytes < 1024 * 1024
      ? `${mostBytes} bytes`
      : `${Math.floor(mostBytes / 1024 / 1024)} MiB`;
  return new BacklogError(
    `Backlog's answer to GET ${path} is larger than ${most} and was not read. Ask for less; retrying unchanged will not help.`,
  );
}

/** The answer is packed in a way that was not asked for. */
export function packedOtherwise(path: string, encoding: string): BacklogError {
  const shown = /^[\w-]{1,20}$/.test(encoding) ? ` (${encoding})` : "";
  return new BacklogError(
    `The answer to GET ${path} is compressed in a way that was not asked for${shown}, so it was not read. A proxy may stand between; retrying will not help.`,
    { status: 200 },
  );
}

/** The answer's bytes are no gzip, or end before their time. */
export function notUnpacked(path: string, cause: unknown): BacklogError {
  return new BacklogError(
    `The answer to GET ${path} is damaged: it could not be unpacked (gzip), so it was not read. A proxy may stand between; try again in a minute.`,
    { status: 200, retry: "after a wait", cause },
  );
}

/** The answer is JSON, but not the kind this version knows. */
export function toShapeError(path: string, problem: string): BacklogError {
  return new BacklogError(
    `Backlog answered GET ${path} in a form this version cannot read (${problem}). Look for a newer backlog-mcp; retrying will not help.`,
    { status: 200 },
  );
}

/** The answer is not JSON at all. */
export function toFormatError(
  path: string,
  body: string,
  host: string,
): BacklogError {
  const what = isHtml(body) ? "a page of HTML" : "something other than JSON";
  return new BacklogError(
    `Backlog answered GET ${path} with ${what}. Check that BACKLOG_DOMAIN (${host}) is the address of a Backlog space and that no login page or proxy stands between.`,
    { status: 200 },
  );
}

/** While BACKLOG_PROJECTS is in force, what is absent and what it leaves out. */
export const WITHHELD =
  "It does not exist, this key may not see it, or BACKLOG_PROJECTS leaves it out.";

/** Neither asked for nor shown; said as what does not exist is said. */
export function withheld(path: string): BacklogError {
  return new BacklogError(`GET ${path} has nothing to show. ${WITHHELD}`, {
    status: 404,
  });
}

/** BACKLOG_PROJECTS leaves nothing: no project, or none that Backlog shows. */
export function noProject(absent: readonly string[]): BacklogError {
  const why =
    absent.length === 0
      ? "the lists in force have no project in common"
      : `Backlog shows none of ${absent.join(", ")} to this key`;
  return new BacklogError(
    `BACKLOG_PROJECTS leaves no project to read: ${why}. Check it where it is set (backlog-mcp check shows where); retrying will not help before that.`,
  );
}

/** What a refusal says besides while BACKLOG_PROJECTS is in force. */
const BESIDES: Record<number, string> = {
  400: WITHHELD,
  403: WITHHELD,
  414: "Where no project is named, each that BACKLOG_PROJECTS allows is asked for: name some of them.",
};

/** An error while BACKLOG_PROJECTS is in force. */
export function toWithheld(path: string, error: BacklogError): BacklogError {
  const { status = 0, message } = error;
  if (status === 404) return withheld(path);
  const more = BESIDES[status];
  if (!more) return error;
  return new BacklogError(`${message} ${more}`, { status, cause: error });
}

function isHtml(body: string): boolean {
  return /^\s*</.test(body);
}

const SaidSchema = v.fallback(v.string(), "");
const RefusalSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ errors: v.custom<unknown[]>(Array.isArray) }),
  // Of millions no more are read than are told.
  v.transform(({ errors }) => errors.slice(0, 5)),
  v.array(
    v.fallback(
      v.object({
        code: v.fallback(v.optional(v.number()), undefined),
        message: SaidSchema,
        moreInfo: SaidSchema,
      }),
      { message: "", moreInfo: "" },
    ),
  ),
);

/** The first code, and Backlog's own words on one line, in quotes. */
function readErrors(body: string, asker: Asker) {
  const { success, output } = v.safeParse(RefusalSchema, body);
  const errors = success ? output : [];
  const words = errors
    .flatMap(({ message, moreInfo }) => [message, moreInfo])
    .filter((text) => text.trim() !== "");
  const line = new Cleaner().line(words.join(" "), Number.POSITIVE_INFINITY);
  return {
    code: errors.find(({ code }) => code !== undefined)?.code,
    said: line === "" ? [] : [quote(asker.redact(line), 300)],
  };
}

function toCode(cause: unknown): string {
  const code =
    cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^[\w-]{1,60}$/.test(code) ? code : "";
}

function toHost(address: string | null, base: string): string {
  if (!address || !URL.canParse(address, base)) return "another address";
  return new URL(address, base).host;
}
