import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { addThread, largeData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectInProcess, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall } from "../scripts/raw-client.ts";
import {
  askOnce,
  never,
  readIssue,
  until,
  untilAborted,
  untilRequests,
} from "./helpers.ts";

// Several starts of the program, on a machine that may be busy.
setDefaultTimeout(60_000);

const WEB_5 = { issue_key: "WEB-5" };

function refusal(status: number, code: number, message: string): Response {
  return Response.json({ errors: [{ message, code }] }, { status });
}

test("what cannot be read of an answer is named in a note", async () => {
  const category = [7, null, { name: "Auth" }];
  const issue = { ...sampleData().issues[0], priority: 1, category };
  const { text, notes } = await readIssue(WEB_5, {
    answer: (_, path) =>
      path === "/issues/WEB-5" ? Response.json(issue) : undefined,
  });
  expect(notes).toEqual([
    "Backlog sent these in a form that this version cannot read, so they are left out: priority, entries of category (2 times).",
  ]);
  expect(text).toContain("Categories: Auth");
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
    const { isError, notes } = await readIssue(
      { issue_key },
      { answer: (_, asked) => (asked === path ? refuse() : undefined) },
    );
    expect(isError).toBe(false);
    expect(notes.join("\n")).toContain(
      `${what} could not be read: Backlog refused GET ${path} (403, "No.").`,
    );
  });
});

test("a client that cancels aborts every request under way; those that wait for a slot are never sent", async () => {
  const stuck = Promise.withResolvers<undefined>();
  await using space = startSampleSpace({ answer: () => stuck.promise });
  await using server = await connectInProcess(space);
  const cancelled = new AbortController();
  const { signal } = cancelled;
  for (const issue_key of ["WEB-1", "WEB-2", "WEB-3"]) {
    const params = { name: "get_issue_details", arguments: { issue_key } };
    server.client.callTool(params, undefined, { signal }).catch(() => {});
  }
  await untilRequests(space, 4);
  cancelled.abort();
  await untilAborted(space);
  stuck.resolve(undefined);
  expect((await server.details(WEB_5)).isError).toBe(false);
  const paths = space.requests.map(({ path }) => path);
  expect(paths).not.toContain("/issues/WEB-3");
});

test("what failed has the rest of its requests aborted", async () => {
  await using space = startSampleSpace({
    answer: (_, path) =>
      path === "/issues/WEB-5" ? refusal(404, 6, "No.") : never(),
  });
  // Not by running out of time.
  const limits = { attemptMs: 900_000, callMs: 900_000 };
  await using server = await connectInProcess(space, { limits });
  expect((await server.details(WEB_5)).text).toEndWith(
    "Search with get_user_issue_list.",
  );
  const others = space.requests.filter(({ path }) => /WEB-5\/./.test(path));
  expect(others).not.toEqual([]);
  await until(() => others.every(({ aborted }) => aborted));
});

describe("progress increases", () => {
  const long = sampleData();
  addThread(long, "WEB-5", 400, (n) => `Remark ${n}`);
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
