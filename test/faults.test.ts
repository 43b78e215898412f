import { describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { LIMITS, type Limits } from "../backlog.ts";
import { addThread, largeData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectInProcess, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall } from "../scripts/raw-client.ts";
import { askOnce, never, readIssue, readList, until } from "./helpers.ts";

// Several starts of the program, on a machine that may be busy.
setDefaultTimeout(60_000);

const ISSUE = "/issues/WEB-5";
const WEB_5 = { issue_key: "WEB-5" };

type Answer = Response | undefined;

/** A space that answers one path in another way; undefined: as usual. */
function failing(
  path: string,
  answer: () => Answer | Promise<Answer>,
): SampleSpaceOptions {
  return { answer: (_, asked) => (asked === path ? answer() : undefined) };
}

function refusal(status: number, code: number, message: string): Response {
  return Response.json({ errors: [{ message, code }] }, { status });
}

const unavailable = () => new Response("<h1>Sorry</h1>", { status: 503 });

/** A call for WEB-5 whose first request is answered so, and how often it was. */
async function ask(
  answer: () => Answer | Promise<Answer>,
  limits: Partial<Limits> = {},
) {
  await using space = startSampleSpace(failing(ISSUE, answer));
  await using server = await connectInProcess(space, {
    limits: { retryWaitMs: 1, ...limits },
  });
  const { text, isError } = await server.details(WEB_5);
  const requests = countOf(space, ISSUE);
  return { text: text.replaceAll(space.host, "HOST"), isError, requests };
}

function countOf(space: SampleSpace, path: string): number {
  return space.requests.filter((request) => request.path === path).length;
}

test("the limits are those that the design promises", () => {
  expect(LIMITS).toMatchObject({
    callMs: 50_000,
    answerMs: 5_000,
    attemptMs: 15_000,
    attempts: 3,
    rateLimitWaitMs: 10_000,
    concurrentRequests: 4,
  });
});

describe("what may pass is tried three times, then an error", () => {
  test.each<[name: string, fail: (socket: Bun.Socket) => unknown]>([
    ["reset", (socket) => socket.terminate()],
    ["closed without an answer", (socket) => socket.end()],
    [
      "cut in the middle of an answer",
      (socket) =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"id":1,'),
    ],
    ["no HTTP", (socket) => socket.end("220 mail.example ESMTP\r\n\r\n")],
  ])("a connection that is %s", async (_, fail) => {
    let requests = 0;
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          requests += Number(`${chunk}`.startsWith(`GET /api/v2${ISSUE}?`));
          fail(socket);
        },
      },
    });
    const url = `http://127.0.0.1:${listener.port}`;
    await using server = await connectInProcess(
      { url, apiKey: "0123456789abcdefghij" },
      { limits: { retryWaitMs: 1 } },
    );
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(true);
    expect(text).toMatch(
      /^Could not reach 127\.0\.0\.1:\d+ for GET \/issues\/WEB-5 \(\w+\)\. Check BACKLOG_DOMAIN and the network; try again in a minute\.$/,
    );
    expect(requests).toBe(3);
  });

  const endless = () => new Response(new ReadableStream({ pull: never }));
  test.each([
    ["never comes", never],
    ["never ends", endless],
  ])("an answer that %s within an attempt's time", async (_, answer) => {
    expect(await ask(answer, { attemptMs: 100 })).toEqual({
      text: "Backlog did not answer GET /issues/WEB-5 within 0.1 s. Narrow the search or try again.",
      isError: true,
      requests: 3,
    });
  });

  test.each([500, 502, 503, 504])("%d", async (status) => {
    const answer = () => refusal(status, 1, "Sorry.");
    expect(await ask(answer)).toMatchObject({ isError: true, requests: 3 });
  });

  test("and told as soon as one attempt succeeds", async () => {
    let times = 0;
    const answer = () => (++times < 3 ? unavailable() : undefined);
    expect(await ask(answer)).toMatchObject({ isError: false, requests: 3 });
  });

  test.each([401, 404, 418, 501, 505])("%d is not repeated", async (status) => {
    const asked = await ask(() => refusal(status, 0, "No."));
    expect(asked).toMatchObject({ isError: true, requests: 1 });
    expect(asked.text).toContain(`GET ${ISSUE} (${status}, "No.").`);
  });
});

const TOO_LARGE = {
  text: `Backlog's answer to GET ${ISSUE} is larger than 32 MiB and was not read. Ask for less; retrying unchanged will not help.`,
  isError: true,
  requests: 1,
};

describe("an answer that is too much", () => {
  test("a body without end is cut off at 32 MiB, once", async () => {
    let sent = 0;
    const chunk = Buffer.alloc(1 << 20, 32);
    const body = () =>
      new ReadableStream({
        async pull(controller) {
          await Bun.sleep(0);
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      });
    expect(await ask(() => new Response(body()))).toEqual(TOO_LARGE);
    expect(sent).toBeLessThan(128 << 20);
  });

  const MILLIONS = `[${"0,".repeat(2_000_000)}0]`;
  test("a list of millions where a page was asked for is read no further than a page", async () => {
    const options = failing("/issues", () => new Response(MILLIONS));
    const { text, isError } = await readList({}, options);
    expect(isError).toBe(false);
    expect(text).toMatch(/left out: entries of the list \(\d{7,} times\)\./);
  });

  test("of a refusal with millions of errors the first few are read", async () => {
    const errors = `[{"message":"First."},${MILLIONS.slice(1)}`;
    const refused = () => new Response(`{"errors":${errors}}`, { status: 400 });
    expect((await ask(refused)).text).toContain('(400, "First.")');
  });

  /** The first issue, with a text in it that is put in as it is. */
  const issueWith = (more: object, raw: string) => () => {
    const body = JSON.stringify({ ...sampleData().issues[0], ...more });
    return new Response(body.replace('"RAW"', raw));
  };

  test("a list of millions within an issue costs no more than itself", async () => {
    const customFields = [{ name: "Where", value: "RAW", fieldTypeId: 6 }];
    const { text, isError } = await ask(issueWith({ customFields }, MILLIONS));
    expect(isError).toBe(false);
    expect(text).toContain("entries of customFields.value (2000001 times).");
  });

  test.each([
    ["lists 100,000 deep", "[".repeat(100_000) + "]".repeat(100_000)],
    ["objects 50,000 deep", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
  ])("%s where nothing of ours stands are read", async (_, deep) => {
    const wrong = { priority: 1, category: [7, null, { name: "Auth" }] };
    const answer = issueWith({ ...wrong, stars: "RAW" }, deep);
    const { text, isError } = await ask(answer);
    expect(isError).toBe(false);
    expect(text).toContain(
      "\nNote: Backlog sent these in a form that this version cannot read, so they are left out: priority, entries of category (2 times).",
    );
    expect(text).toContain("Categories: Auth");
  });
});

describe("a compressed answer", () => {
  const zipped = (text: string) => Bun.gzipSync(Buffer.from(text));
  const issue = zipped(JSON.stringify(sampleData().issues[0]));
  const packed = (bytes: Uint8Array<ArrayBuffer>, encoding: string) => {
    const headers = { "Content-Encoding": encoding };
    return ask(() => new Response(bytes, { headers }));
  };

  test.each(["gzip", "x-gzip", " GZIP"])("in %p is read", async (encoding) => {
    const { text, isError } = await packed(issue, encoding);
    expect(isError).toBe(false);
    expect(text).toContain("WEB-1");
  });

  test("of a few kilobytes is cut off where it unpacks to more than 32 MiB", async () => {
    const bomb = zipped(" ".repeat(40 << 20));
    expect(await packed(bomb, "gzip")).toEqual(TOO_LARGE);
  });

  test.each([
    ["br", " (br)"],
    ["gzip, br", ""],
  ])(
    "in %s, which nobody asked for, is refused unread",
    async (encoding, shown) => {
      // Whoever tried to unpack it would fail in another way.
      const noise = crypto.getRandomValues(new Uint8Array(3_000));
      expect(await packed(noise, encoding)).toEqual({
        text: `The answer to GET ${ISSUE} is compressed in a way that was not asked for${shown}, so it was not read. A proxy may stand between; retrying will not help.`,
        isError: true,
        requests: 1,
      });
    },
  );

  test.each([
    ["breaks off", issue.slice(0, 200)],
    ["is none", Buffer.from('{"id":1}')],
  ])("that %s is tried three times, then an error", async (_, bytes) => {
    expect(await packed(bytes, "gzip")).toEqual({
      text: `The answer to GET ${ISSUE} is damaged: it could not be unpacked (gzip), so it was not read. A proxy may stand between; try again in a minute.`,
      isError: true,
      requests: 3,
    });
  });
});

test("a refusal whose body cannot be unpacked is what it is", async () => {
  const headers = { "Content-Encoding": "gzip" };
  const answer = () => new Response("", { status: 404, headers });
  const { text, requests } = await ask(answer);
  expect(text).toStartWith(`Backlog refused GET ${ISSUE} (404). It does not`);
  expect(requests).toBe(1);
});

describe("a redirect", () => {
  test.each([301, 302, 307, 399])(
    "%d to another host is refused, and that host sees nothing",
    async (status) => {
      await using other = startSampleSpace();
      const headers = { location: `${other.url}/api/v2${ISSUE}` };
      expect(await ask(() => new Response(null, { status, headers }))).toEqual({
        text: `HOST redirects GET ${ISSUE} to ${other.host} (${status}). Redirects are not followed, so that the API key goes to no other place. Check BACKLOG_DOMAIN.`,
        isError: true,
        requests: 1,
      });
      expect(other.requests).toEqual([]);
    },
  );

  test.each([
    ["to the same host", { location: "/api/v2/issues/WEB-1" }, "HOST"],
    ["to no address", {}, "another address"],
  ])("%s is refused too", async (_, headers, target) => {
    const { text } = await ask(
      () => new Response("", { status: 302, headers }),
    );
    expect(text).toStartWith(`HOST redirects GET ${ISSUE} to ${target} (302).`);
  });
});

describe("the wait before a retry", () => {
  test("is jittered, and leaves the slot to others", async () => {
    using random = spyOn(Math, "random");
    // The first to fail draws the longer wait, so the second overtakes it.
    random.mockReturnValueOnce(0.99).mockReturnValue(0);
    const order: string[] = [];
    await using space = startSampleSpace({
      answer: (_, path) => {
        const isFirst = !order.includes(path);
        order.push(path);
        return isFirst && /WEB-[12]$/.test(path) ? unavailable() : undefined;
      },
    });
    await using server = await connectInProcess(space, {
      limits: { retryWaitMs: 200, concurrentRequests: 1 },
    });
    await Promise.all(
      ["WEB-1", "WEB-2"].map((key) => server.details({ issue_key: key })),
    );
    expect(order.filter((path) => /WEB-[12]$/.test(path))).toEqual([
      ...["/issues/WEB-1", "/issues/WEB-2"],
      ...["/issues/WEB-2", "/issues/WEB-1"],
    ]);
    // The only slot served others while both were waiting.
    expect(order.indexOf("/issues/WEB-2/comments")).toBeLessThan(
      order.lastIndexOf("/issues/WEB-2"),
    );
  });

  test("is three times as long the second time: here too long for what is left", async () => {
    using _ = spyOn(Math, "random").mockReturnValue(0.5);
    const limits = { retryWaitMs: 400, callMs: 1_300, answerMs: 0 };
    const { text, requests } = await ask(unavailable, limits);
    expect(text).toContain("(503)");
    expect(requests).toBe(2);
  });
});

describe("Backlog's limit on requests", () => {
  // The space's own clock: the machine's may say anything.
  const limited = (seconds: number) =>
    new Response("", {
      status: 429,
      headers: {
        Date: "Sat, 01 Jan 2000 00:00:00 GMT",
        "X-RateLimit-Reset": String(946_684_800 + seconds),
      },
    });

  test("that resets soon is waited for, and the call succeeds", async () => {
    let times = 0;
    const answer = () => (++times === 1 ? limited(0) : undefined);
    expect(await ask(answer)).toMatchObject({ isError: false, requests: 2 });
  });

  test.each<[why: string, seconds: number, limits: Partial<Limits>]>([
    ["resets 12 s away", 12, {}],
    ["resets after the call's time", 5, { callMs: 1_000, answerMs: 100 }],
  ])("that %s is not waited for", async (_, seconds, limits) => {
    const { text, requests } = await ask(() => limited(seconds), limits);
    expect(text).toContain(`The limit resets in ${seconds} s; try again then.`);
    expect(requests).toBe(1);
  });

  test("that resets when no minute does says no time", async () => {
    const { text, requests } = await ask(() => limited(Date.now()));
    expect(text).toContain(
      "too many requests in this minute. Try again in a m",
    );
    expect(requests).toBe(1);
  });
});

test("a call's time ends early enough to answer before the client gives up", async () => {
  const slow = () => Bun.sleep(400).then(() => undefined);
  const limits = { callMs: 3_000, answerMs: 2_800 };
  expect(await ask(slow, limits)).toMatchObject({
    text: `The 3 s that one call may take were used up before Backlog answered GET ${ISSUE}. Narrow the search or try again.`,
    isError: true,
  });
});

describe("one part that fails does not sink the rest", () => {
  const refuse = () => refusal(403, 5, "No.");
  const data = sampleData();
  const child = data.issues.find(({ parentIssueId }) => parentIssueId);
  const parent = data.issues.find(({ id }) => id === child?.parentIssueId);

  test.each([
    ["Related issues", "/issues/WEB-5/relatedIssues", "WEB-5"],
    ["Some comments", "/issues/WEB-5/comments", "WEB-5"],
    [`The parent (ID ${parent?.id})`, `/issues/${parent?.id}`, child?.issueKey],
    ["The children", "/issues", parent?.issueKey],
  ])("%s", async (what, path, issue_key) => {
    const options = failing(path, refuse);
    const { text, isError } = await readIssue({ issue_key }, options);
    expect(isError).toBe(false);
    expect(text).toContain(
      `Note: ${what} could not be read: Backlog refused GET ${path} (403, "No.").`,
    );
  });
});

type Server = Awaited<ReturnType<typeof connectInProcess>>;

describe("a client that cancels", () => {
  /** A call that is going to be cancelled. */
  function begin({ client }: Server, issue_key: string, signal: AbortSignal) {
    const params = { name: "get_issue_details", arguments: { issue_key } };
    client.callTool(params, undefined, { signal }).catch(() => {});
  }

  test("aborts every request under way; those that wait for a slot are never sent", async () => {
    const stuck = Promise.withResolvers<undefined>();
    await using space = startSampleSpace({ answer: () => stuck.promise });
    await using server = await connectInProcess(space);
    const cancelled = new AbortController();
    for (const key of ["WEB-1", "WEB-2", "WEB-3"]) {
      begin(server, key, cancelled.signal);
    }
    await until(() => space.requests.length === 4);
    cancelled.abort();
    await until(() => space.requests.every(({ aborted }) => aborted));
    stuck.resolve(undefined);
    expect((await server.details(WEB_5)).isError).toBe(false);
    expect(countOf(space, "/issues/WEB-3")).toBe(0);
  });

  test("ends a retry that is waiting: no further request arrives", async () => {
    await using space = startSampleSpace(failing(ISSUE, unavailable));
    await using server = await connectInProcess(space, {
      limits: { retryWaitMs: 100 },
    });
    const cancelled = new AbortController();
    begin(server, "WEB-5", cancelled.signal);
    await until(() => space.requests.some(({ status }) => status === 503));
    cancelled.abort();
    // Twice the longest wait that this retry may take.
    await Bun.sleep(300);
    expect(countOf(space, ISSUE)).toBe(1);
  });
});

describe("progress increases", () => {
  const long = sampleData();
  addThread(long, "WEB-5", 400, { text: (n) => `Remark ${n}` });
  const far = largeData({ projects: 2, issues: 900, customStatuses: true });
  for (const [index, issue] of far.issues.entries()) {
    const isClosed = index >= 50 && index < 850;
    issue.status = { ...issue.status, id: isClosed ? 4 : 1_000 };
  }
  const many = largeData({ projects: 1, issues: 450, closedShare: 0 });
  const PAST = { limit: 500, history_since: "2020-01-01" };
  // Leaves only the way through all pages.
  const refused = ({ url }: Request, path: string) =>
    path === "/issues" && /statusId%5B%5D=\d{4}/.test(url)
      ? refusal(400, 7, "No.")
      : undefined;

  test.each<[string, SampleSpaceOptions, object, total: number]>([
    ["of a list, up to the total", { data: many }, { limit: 500 }, 450],
    ["of a list and what happened", { data: many }, PAST, 450],
    ["and is not told twice", { data: far, answer: refused }, {}, 100],
    ["of a thread, up to its comments", { data: long }, WEB_5, 400],
  ])("%s", async (_, options, args, total) => {
    await using space = startSampleSpace(options);
    await using server = await connectInProcess(space);
    const told: { progress: number; total?: number }[] = [];
    const isList = args !== WEB_5;
    const name = isList ? "get_user_issue_list" : "get_issue_details";
    await server.client.callTool({ name, arguments: { ...args } }, undefined, {
      onprogress: (one) => told.push(one),
    });
    const numbers = told.map(({ progress }) => progress);
    expect(numbers.length).toBeGreaterThan(1);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(told.at(-1)?.total).toBe(total);
  });
});

describe("the key", () => {
  const KEY = "k_ey-0123456789AbCdEfGhIjKlMnOpQrStUvWxYz";
  // That every way of writing it is known is the redactor's own promise.
  const hex = [...KEY].map((letter) => letter.charCodeAt(0).toString(16));
  const FORMS = [KEY, KEY.toUpperCase(), `%${hex.join("%")}`];
  /** With what makes Bun and Node talk, and trust anybody. */
  const toLoud = ({ url, apiKey }: SampleSpace) => ({
    ...{ BACKLOG_DOMAIN: url, BACKLOG_API_KEY: apiKey },
    BUN_CONFIG_VERBOSE_FETCH: "curl",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_DEBUG: "http,https,net,tls",
    DEBUG: "*",
  });
  const ECHO = `Key: ${FORMS.join(" and ")}.`;
  const withText = () => {
    const data = sampleData();
    for (const issue of data.issues) {
      issue.summary = ECHO;
      issue.description = ECHO;
      issue.status = { ...issue.status, name: ECHO };
      const comments = data.comments.get(issue.id) ?? [];
      for (const comment of comments) comment.content = ECHO;
    }
    return data;
  };
  const answering = (body: string, init?: ResponseInit) => ({
    answer: () => new Response(body, init),
  });
  const location = `http://localhost:1/?apiKey=${encodeURIComponent(KEY)}`;

  test.each<[string, SampleSpaceOptions]>([
    ["no fault, but texts that hold the key", { data: withText() }],
    ["a refusal that repeats it", { answer: () => refusal(401, 11, ECHO) }],
    ["HTML that repeats it", answering(`<p>${ECHO}`)],
    ["broken JSON", answering(`{"a":"${ECHO}`)],
    ["another shape", answering(JSON.stringify({ [KEY]: ECHO }))],
    ["a redirect", answering("", { status: 302, headers: { location } })],
    ["a certificate that nobody trusts", { tls: UNTRUSTED }],
  ])("is in no byte of stdout or stderr: %s", async (_, options) => {
    await using space = startSampleSpace({ ...options, apiKey: KEY });
    await using server = startRaw(toLoud(space));
    // Cut within the key, which may leave no part of it.
    const long = `${"x".repeat(50)}${KEY}`;
    const _meta = { "io.modelcontextprotocol/protocolVersion": KEY };
    const calls = [
      toCall(1, "get_issue_details", WEB_5),
      toCall(2, "get_user_issue_list", { assignee_names: ["anyone"] }),
      toCall(3, "get_issue_details", { issue_key: [[long, KEY]] }),
      toCall(4, "get_issue_details", { ...WEB_5, [KEY]: 1 }),
      toCall(5, "get_user_issue_list", { keyword: KEY, timezone: long }),
      toCall(6, "get_user_issue_list", { keyword: KEY, project_keys: [KEY] }),
      toCall(7, "get_issue_details", { ...WEB_5, issue_title: KEY }),
      toCall(8, long),
      { jsonrpc: "2.0", id: 9, method: KEY },
      { jsonrpc: "2.0", id: 10, method: "ping", params: { _meta } },
    ];
    server.send(...calls);
    for (const { id } of calls) await server.answerTo(id);
    server.end();
    await server.exited;
    const printed = `${server.lines.join("\n")}${await server.stderr}`;
    for (const form of FORMS) expect(printed).not.toContain(form);
    // Nor is there a part that a cut has left.
    for (let index = 0; index < KEY.length - 9; index += 1) {
      const part = KEY.slice(index, index + 10).toLowerCase();
      expect(printed.toLowerCase()).not.toContain(part);
    }
    // What the client itself named came back, but without it.
    expect(printed).toContain("[API key]");
    for (const { apiKey, query } of space.requests) {
      expect(apiKey).toBe(KEY);
      expect(query).not.toContain("apiKey");
    }
  });

  const toProxies = (url: string) =>
    Object.fromEntries(
      ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [
        [name, url],
        [name.toUpperCase(), url],
      ]),
    );

  test("goes through no proxy where the space is on this machine", async () => {
    await using proxy = startSampleSpace();
    await using space = startSampleSpace();
    const proxies = toProxies(proxy.url);
    const { text } = await askOnce({ ...toEnvironment(space), ...proxies });
    expect(text).toStartWith("# WEB-5 ");
    expect(proxy.requests).toEqual([]);
  });

  test("is in no byte that a proxy sees of a space on the internet", async () => {
    let seen = "";
    using proxy = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          seen += chunk.toString("latin1");
          socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
        },
      },
    });
    await using server = startRaw({
      BACKLOG_DOMAIN: "example.backlog.com",
      BACKLOG_API_KEY: "0123456789abcdefghij",
      ...toProxies(`http://127.0.0.1:${proxy.port}`),
    });
    server.send(toCall(1, "get_issue_details", WEB_5));
    await until(() => seen.endsWith("\r\n\r\n"));
    expect(seen).toStartWith("CONNECT example.backlog.com:443 HTTP/1.1\r\n");
    expect(seen).not.toContain("0123456789abcdefghij");
    expect(seen).not.toContain("/api/v2");
  });

  test("goes to no server whose certificate nobody trusts, and the error says why", async () => {
    await using space = startSampleSpace({ tls: UNTRUSTED });
    const { text } = await askOnce(toLoud(space));
    expect(text).toContain(`The certificate of ${space.host} is not trusted (`);
    expect(space.requests).toEqual([]);
  });
});
