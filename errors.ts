import { Cleaner, quote } from "./text.ts";

/** What Backlog refused, or what came between; the message is fit to read. */
export class BacklogError extends Error {
  override readonly name = "BacklogError";
  /** Backlog's HTTP status, where it answered at all. */
  readonly status: number | undefined;
  /** https://developer.nulab.com/docs/backlog/error-response/ */
  readonly code: number | undefined;

  constructor(
    message: string,
    details: {
      status?: number;
      code?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.code = details.code;
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

/** An attempt that failed, and whether another one can help. */
export interface Failure {
  error: BacklogError;
  retry: "never" | "after a wait" | { afterMs: number };
}

/** The failure that an answer other than 200 stands for. */
export function toFailure(
  path: string,
  response: Response,
  body: string,
  host: string,
): Failure {
  const { status } = response;
  const request = `GET ${path}`;
  if (status >= 300 && status < 400) {
    const target = toHost(response.headers.get("location"), `https://${host}`);
    const advice = path.includes("/attachments/")
      ? "Open the file from the issue's address in a browser."
      : "Check BACKLOG_DOMAIN.";
    return {
      error: new BacklogError(
        `${host} redirects ${request} to ${target} (${status}). Redirects are not followed, so that the API key goes to no other place. ${advice}`,
        { status },
      ),
      retry: "never",
    };
  }
  const { code, messages } = readErrors(body);
  const said = messages ? ` (${status}, ${messages})` : ` (${status})`;
  if (status >= 500) {
    const retry = [500, 502, 503, 504].includes(status);
    return {
      error: new BacklogError(
        `Backlog failed on ${request}${said}. Try again in a minute.`,
        { status, code },
      ),
      retry: retry ? "after a wait" : "never",
    };
  }
  if (status === 429) return toRateLimit(request, said, response);
  const page = isHtml(body)
    ? ` The answer is a page of HTML: check that BACKLOG_DOMAIN (${host}) is the address of a Backlog space.`
    : "";
  return {
    error: new BacklogError(
      `Backlog refused ${request}${said}.${page || ` ${toAdvice(status, code, host)}`}`,
      { status, code },
    ),
    retry: "never",
  };
}

/** What to do about a refusal; the codes are Backlog's own. */
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
    return `The API key is wrong or revoked, or belongs to another space than ${host}. Check BACKLOG_API_KEY and BACKLOG_DOMAIN; retrying will not help before that.`;
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
  return Number.isFinite(seconds) ? seconds : undefined;
}

function toRateLimit(
  request: string,
  said: string,
  response: Response,
): Failure {
  const seconds = secondsToReset(response.headers);
  if (seconds === undefined) {
    return {
      error: new BacklogError(
        `Backlog refused ${request}${said}: too many requests in this minute. Try again in a minute.`,
        { status: 429 },
      ),
      retry: "never",
    };
  }
  const wait = Math.max(seconds, 1);
  return {
    error: new BacklogError(
      `Backlog refused ${request}${said}: too many requests in this minute. The limit resets in ${wait} s; try again then.`,
      { status: 429 },
    ),
    retry: { afterMs: wait * 1000 },
  };
}

/** A network error in words, and whether a repetition can help. */
export function toNetworkFailure(
  path: string,
  cause: unknown,
  host: string,
): Failure {
  const code = codeOf(cause);
  const request = `GET ${path}`;
  const fail = (message: string, retry: Failure["retry"]): Failure => ({
    error: new BacklogError(message, { cause }),
    retry,
  });
  if (/CERT|SELF_SIGNED|ISSUER|VERIFY|ALTNAME|CRL/.test(code)) {
    return fail(
      `The certificate of ${host} is not trusted (${code}), so ${request} was not sent. If your company inspects traffic, add its certificate to the system's store or name its file in NODE_EXTRA_CA_CERTS; retrying will not help before that.`,
      "never",
    );
  }
  if (code === "EPROTO") {
    return fail(
      `${host} did not complete the TLS handshake for ${request}. Check BACKLOG_DOMAIN and, if there is one, the proxy.`,
      "never",
    );
  }
  const proxy = describeProxy(host);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return fail(
      `The name ${host} could not be resolved for ${request}. Check BACKLOG_DOMAIN and the network${proxy}.`,
      "after a wait",
    );
  }
  return fail(
    `Could not reach ${host} for ${request} (${code || "network error"}). Check BACKLOG_DOMAIN and the network${proxy}; try again in a minute.`,
    "after a wait",
  );
}

/** Names the proxy that Bun takes from the environment, never its password. */
function describeProxy(host: string): string {
  // What is on this machine is never asked through one.
  if (/^(localhost|127\.|\[::1\])/.test(host)) return "";
  const value = process.env.https_proxy || process.env.HTTPS_PROXY;
  if (!value) return "";
  return `, and the proxy ${toHost(value, "http://proxy")} that HTTPS_PROXY names`;
}

/** One attempt took too long. */
export function timedOut(path: string, attemptMs: number): Failure {
  return {
    error: new BacklogError(
      `Backlog did not answer GET ${path} within ${attemptMs / 1000} s. Narrow the search or try again.`,
    ),
    retry: "after a wait",
  };
}

/** The call's whole time is used up. */
export function outOfTime(path: string, callMs: number): Failure {
  return {
    error: new BacklogError(
      `The ${callMs / 1000} s that one call may take were used up before Backlog answered GET ${path}. Narrow the search or try again.`,
    ),
    retry: "never",
  };
}

/** The call has sent as many requests as one may. */
export function tooMany(path: string, requestsPerCall: number): Failure {
  return {
    error: new BacklogError(
      `This call has sent the ${requestsPerCall} requests that one may, so GET ${path} was not sent. Narrow the search; retrying unchanged will not help.`,
    ),
    retry: "never",
  };
}

/** The answer is larger than is read into memory. */
export function tooLarge(path: string, mostBytes: number): Failure {
  const most =
    mostBytes < 1024 * 1024
      ? `${mostBytes} bytes`
      : `${Math.floor(mostBytes / 1024 / 1024)} MiB`;
  return {
    error: new BacklogError(
      `Backlog's answer to GET ${path} is larger than ${most} and was not read. Ask for less; retrying unchanged will not help.`,
    ),
    retry: "never",
  };
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

/** A refusal of Backlog's while BACKLOG_PROJECTS is in force. */
export function toWithheld(path: string, error: BacklogError): BacklogError {
  const { status = 0, code, message } = error;
  if (status === 404) return withheld(path);
  return [400, 403].includes(status)
    ? new BacklogError(`${message} ${WITHHELD}`, { status, code, cause: error })
    : error;
}

/** The answer is packed in a way that was not asked for. */
export function packedOtherwise(path: string, encoding: string): Failure {
  const shown = /^[\w-]{1,20}$/.test(encoding) ? ` (${encoding})` : "";
  return {
    error: new BacklogError(
      `The answer to GET ${path} is compressed in a way that was not asked for${shown}, so it was not read. A proxy may stand between; retrying will not help.`,
      { status: 200 },
    ),
    retry: "never",
  };
}

/** The answer is JSON, but not the kind this version knows. */
export function toShapeError(path: string, cause: TypeError): BacklogError {
  return new BacklogError(
    `Backlog answered GET ${path} in a form this version cannot read (${cause.message}). Look for a newer backlog-mcp; retrying will not help.`,
    { status: 200, cause },
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

function isHtml(body: string): boolean {
  return /^\s*</.test(body);
}

/** Backlog's own words on one line, in quotes, and the first code. */
function readErrors(body: string): { code?: number; messages?: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return {};
  }
  const errors =
    typeof parsed === "object" && parsed !== null && "errors" in parsed
      ? parsed.errors
      : undefined;
  if (!Array.isArray(errors)) return {};
  const messages: string[] = [];
  let code: number | undefined;
  for (const error of errors.slice(0, 5)) {
    if (typeof error?.code === "number") code ??= error.code;
    for (const text of [error?.message, error?.moreInfo]) {
      if (typeof text === "string" && text.trim() !== "") messages.push(text);
    }
  }
  if (messages.length === 0) return { code };
  const line = new Cleaner().line(messages.join(" "), Number.POSITIVE_INFINITY);
  return { code, messages: quote(line, 300) };
}

function codeOf(cause: unknown): string {
  const code =
    cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^[\w-]{1,60}$/.test(code) ? code : "";
}

function toHost(address: string | null, base: string): string {
  if (!address || !URL.canParse(address, base)) return "another address";
  return new URL(address, base).host;
}
