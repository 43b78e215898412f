import { describe, expect, spyOn, test } from "bun:test";
import { Backlog, BacklogCall } from "../backlog.ts";
import { LIMITS, type Limits } from "../http.ts";
import manifest from "../package.json" with { type: "json" };
import { sampleData } from "../sample-space/data.ts";
import {
  FREE_PLAN,
  type SampleSpace,
  startSampleSpace,
} from "../sample-space/server.ts";
import { never } from "./helpers.ts";

type Connection = ConstructorParameters<typeof Backlog>[0];

/** Speaks to a space, with hardly a wait before a request is repeated. */
function connect(
  { url: origin, apiKey }: Pick<SampleSpace, "url" | "apiKey">,
  more: Partial<Connection> = {},
  limits: Partial<Limits> = {},
): Backlog {
  const connection = { origin, apiKey, ...more };
  return new Backlog(connection, { ...LIMITS, retryWaitMs: 1, ...limits });
}

const open = (...given: Parameters<typeof connect>) => connect(...given).open();

/** What a request fails with. */
const messageOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    (answer) => `no error, but ${JSON.stringify(answer)}`,
    ({ message }) => message,
  );

type Answer = Response | undefined;

/** What becomes of a count that a space answers so, and how often it is asked. */
async function count(
  answer: () => Answer | Promise<Answer>,
  limits: Partial<Limits> = {},
  more: Partial<Connection> = {},
) {
  await using space = startSampleSpace({ answer });
  const call = open(space, more, limits);
  const said = await messageOf(call.countIssues({}));
  const requests = space.requests.length;
  return { said: said.replaceAll(space.host, "HOST"), requests };
}

function refusal(code: number, message: string, moreInfo = "") {
  return { errors: [{ message, code, moreInfo }] };
}

/** Everything that the client can ask for. */
const METHODS: [string, (call: BacklogCall) => Promise<unknown>][] = [
  ["getIssue", (call) => call.getIssue("WEB-5")],
  ["getIssueRow", (call) => call.getIssueRow("WEB-5")],
  ["listIssues", (call) => call.listIssues({ count: 100, offset: 0 })],
  ["countIssues", (call) => call.countIssues({ statusId: [4] })],
  ["listComments", (call) => call.listComments("WEB-5", { count: 100 })],
  ["countComments", (call) => call.countComments("WEB-5")],
  ["listRelatedIssues", (call) => call.listRelatedIssues("WEB-5")],
  ["listActivities", (call) => call.listActivities(1073936937, {})],
  ["getMyself", (call) => call.getMyself()],
  ["listProjects", (call) => call.listProjects()],
  ["listProjectUsers", (call) => call.listProjectUsers("WEB")],
  ["statuses", (call) => call.listProjectChoices("WEB", "statuses")],
  ["versions", (call) => call.listProjectChoices("WEB", "versions")],
  ["categories", (call) => call.listProjectChoices("WEB", "categories")],
  ["issueTypes", (call) => call.listProjectChoices(1073835211, "issueTypes")],
  ["listCustomFields", (call) => call.listCustomFields("WEB")],
  ["getSpace", (call) => call.getSpace()],
  ["getRateLimit", (call) => call.getRateLimit()],
];

describe("every request of the client", () => {
  test.each(METHODS)(
    "%s is a GET with the key in its header only",
    async (_, ask) => {
      await using space = startSampleSpace();
      await ask(open(space));
      expect(space.requests).toHaveLength(1);
      const [request] = space.requests;
      expect(request).toMatchObject({
        method: "GET",
        status: 200,
        apiKey: space.apiKey,
        userAgent: `backlog-mcp/${manifest.version}`,
      });
      expect(`${request?.path}?${request?.query}`).not.toContain(space.apiKey);
      expect(request?.path).not.toMatch(/\/$/);
    },
  );

  test("carries nothing of the machine: no cookie, no body, no other key", async () => {
    const seen: Record<string, string>[] = [];
    await using space = startSampleSpace({
      answer: async (request) => {
        expect(await request.text()).toBe("");
        seen.push(Object.fromEntries(request.headers.entries()));
        return undefined;
      },
    });
    await open(space).getMyself();
    expect(Object.keys(seen[0] ?? {}).sort()).toEqual([
      ...["accept", "accept-encoding", "backlog-api-key"],
      ...["connection", "host", "user-agent"],
    ]);
  });

  test("only reads: the client offers no method that writes", () => {
    const names = Object.getOwnPropertyNames(BacklogCall.prototype);
    expect(names).toContain("getIssue");
    expect(names.join(" ")).not.toMatch(/add|create|delete|post|put|update/i);
  });
});

describe("what the client reads", () => {
  test("an issue comes with its children's summary; where that is refused, without", async () => {
    await using space = startSampleSpace({ switches: { expand: "refused" } });
    const issue = await open(space).getIssue("WEB-1");
    expect(space.requests.map(({ query, status }) => [query, status])).toEqual([
      ["expand[]=childIssueSummary", 400],
      ["", 200],
    ]);
    expect(issue.issueKey).toBe("WEB-1");
  });

  test("an issue that is not there is asked for once", async () => {
    await using space = startSampleSpace();
    const said = await messageOf(open(space).getIssue("WEB-404"));
    expect(said).toStartWith("Backlog refused GET /issues/WEB-404 (404");
    expect(space.requests).toHaveLength(1);
  });

  test("an attachment is its very bytes, up to the size that is asked for", async () => {
    const file = new Uint8Array([0, 255, 10, 13, 200]);
    await using space = startSampleSpace({ answer: () => new Response(file) });
    const call = open(space);
    expect([...(await call.getAttachment("WEB-5", 8, 5))]).toEqual([...file]);
    expect(await messageOf(call.getAttachment("WEB-5", 8, 4))).toBe(
      "Backlog's answer to GET /issues/WEB-5/attachments/8 is larger than 4 bytes and was not read. Ask for less; retrying unchanged will not help.",
    );
  });

  test("the space's time zone is asked for once, and only for days that are in it", async () => {
    await using space = startSampleSpace();
    const call = open(space);
    const unzoned = ["2026-11-20", "2026-11-20T00:00:00.000Z", null];
    expect(await call.getTimeZone(unzoned)).toBeUndefined();
    expect(space.requests).toEqual([]);
    const days = ["2026-11-19T15:00:00Z"];
    await Promise.all([call.getTimeZone(days), call.getTimeZone()]);
    expect(space.requests.map(({ path }) => path)).toEqual(["/space"]);
  });

  test("of every text, nested ones too, the key is taken out", async () => {
    const issue = { ...sampleData().issues[0], summary: "SECRET" };
    const answer = { ...issue, status: { id: 1, name: "SECRET" } };
    await using space = startSampleSpace({
      answer: () => Response.json(answer),
    });
    const redact = (text: string) => text.replaceAll("SECRET", "[API key]");
    const { summary, status } = await open(space, { redact }).getIssue("WEB-1");
    expect([summary, status.name]).toEqual(["[API key]", "[API key]"]);
  });
});

describe("the sample space is strict", () => {
  const ask = ({ url, apiKey }: SampleSpace, path: string) =>
    fetch(`${url}/api/v2${path}`, { headers: { "Backlog-API-Key": apiKey } });

  test.each([
    ["/issues?statusIds[]=1", 400, "Invalid parameter: statusIds[]"],
    ["/issues?statusId[]=1&statusId[]=x", 400, "Invalid parameter: statusId[]"],
    ["/issues/count?order=asc", 400, "Invalid parameter: order"],
    ["/issues?keyword=a&keyword=b", 400, "Invalid parameter: keyword"],
    ["/issues?dueDateUntil=2026-02-31", 400, "Invalid parameter: dueDateUntil"],
    ["/issues?customField_7[]=1", 400, "Invalid parameter: customField_7[]"],
    ["/issues/WEB-1/comments?count=101", 400, "Invalid parameter: count"],
    ["/space?apiKey=secret", 400, "Invalid parameter: apiKey"],
    ["/space/", 404, "No resource."],
    ["/issues/WEB-5/attachments/1076475995", 404, "No attachment."],
  ])("%s is refused with %d", async (path, status, message) => {
    await using space = startSampleSpace();
    const answer = await ask(space, path);
    const errors = [{ message, code: status === 404 ? 6 : 7, moreInfo: "" }];
    expect([answer.status, await answer.json()]).toEqual([status, { errors }]);
  });

  test("anything but GET is refused", async () => {
    await using space = startSampleSpace();
    const url = `${space.url}/api/v2/space`;
    expect(await fetch(url, { method: "POST" })).toHaveProperty("status", 405);
  });

  test("in older records a day is midnight of the space's zone", async () => {
    await using space = startSampleSpace({ switches: { olderDates: true } });
    const { dueDate } = await open(space).getIssue("WEB-1");
    expect(dueDate).toBe("2026-11-26T15:00:00Z");
  });

  test("of a minute's searches one too many is refused", async () => {
    const rateLimit = { search: 1, read: 1 };
    await using space = startSampleSpace({ rateLimit });
    const asked = ["/issues", "/issues/count", "/space"];
    for (const path of asked) await ask(space, path);
    expect(space.requests.map((one) => one.status)).toEqual([200, 429, 200]);
  });

  test("a list has 20 entries where no count is asked for", async () => {
    await using space = startSampleSpace();
    expect(await open(space).listIssues({})).toHaveProperty("sent.length", 20);
  });
});

describe("what is left of Backlog's limits", () => {
  test("is not known before the first answer, then known for each class", async () => {
    await using space = startSampleSpace({ rateLimit: FREE_PLAN });
    const backlog = connect(space);
    const call = backlog.open();
    expect(call.remaining("search")).toBeUndefined();
    await Promise.all([call.countIssues({}), call.listIssues({})]);
    expect(call.remaining("search")).toBe(13);
    expect(call.remaining("read")).toBeUndefined();
    await call.getIssue("WEB-1");
    expect(call.remaining("read")).toBe(59);
    expect(backlog.open().remaining("search")).toBe(13);
  });

  type Told = [remaining?: string, resetsIn?: number];
  test.each<[name: string, told: Told[], left: number | undefined]>([
    ["the least of one minute", [["6"], ["8"]], 6],
    ["anew in the next minute", [["6"], ["14", 60]], 14],
    ["gone with its minute", [["6", -9]], undefined],
    ["kept where an answer lacks it", [["6"], []], 6],
    ["no number", [["-1"], ["many"]], undefined],
  ])("is %s", async (_, told, left) => {
    const now = Math.floor(Date.now() / 1000);
    const answers = told.map(([remaining, resetsIn = 30]) => ({
      "X-RateLimit-Reset": `${now + resetsIn}`,
      ...(remaining && { "X-RateLimit-Remaining": remaining }),
    }));
    await using space = startSampleSpace({
      answer: () => Response.json({ count: 1 }, { headers: answers.shift() }),
    });
    const call = open(space);
    for (const _ of told) await call.countIssues({});
    expect(call.remaining("search")).toBe(left);
  });
});

test("the limits are those that the design promises", () => {
  expect(LIMITS).toMatchObject({
    callMs: 50_000,
    answerMs: 5_000,
    attemptMs: 15_000,
    attempts: 3,
    rateLimitWaitMs: 10_000,
    concurrentRequests: 4,
    bytesPerCall: 256 << 20,
  });
});

test("a call sends at most 100 requests, retries included, and then says so", async () => {
  await using space = startSampleSpace();
  const call = open(space);
  const asked = await Promise.all(
    Array.from({ length: 101 }, () => messageOf(call.countIssues({}))),
  );
  expect(space.requests).toHaveLength(100);
  expect(asked.filter((text) => !text.startsWith("no error"))).toEqual([
    "This call has sent the 100 requests that one may, so GET /issues/count was not sent. Narrow the search; retrying unchanged will not help.",
  ]);
});

test("the answers of a call are no more together than is kept of one", async () => {
  const body = `{"count":1}${" ".repeat(600_000)}`;
  await using space = startSampleSpace({ answer: () => new Response(body) });
  const { url: origin, apiKey } = space;
  const limits = { ...LIMITS, bytesPerCall: 1 << 20 };
  const call = new Backlog({ origin, apiKey }, limits).open();
  expect(await call.countIssues({})).toBe(1);
  expect(await messageOf(call.countIssues({}))).toBe(
    "With GET /issues/count this call has read more than the 1 MiB that one may. Narrow the search; retrying unchanged will not help.",
  );
});

test("a call's time runs while it waits for another's slot, and leaves some to answer; a call that has ended says so", async () => {
  await using space = startSampleSpace({ answer: never });
  const limits = { ...LIMITS, concurrentRequests: 1 };
  const { url: origin, apiKey } = space;
  const backlog = new Backlog({ origin, apiKey }, limits);
  const long = backlog.open();
  const asking = messageOf(long.getMyself());
  Object.assign(limits, { callMs: 900_000, answerMs: 899_900 });
  expect(await messageOf(backlog.open().getSpace())).toBe(
    "The 900 s that one call may take were used up before Backlog answered GET /space. Narrow the search or try again.",
  );
  expect(space.requests.map(({ path }) => path)).toEqual(["/users/myself"]);
  long.end();
  expect(await asking).toBe("the call has ended");
});

describe("after a 401", () => {
  /** Whose key is right, and that connects with another one. */
  const start = (renewed: () => string | undefined) => {
    const space = startSampleSpace({ apiKey: "right" });
    const renew = async (): Promise<Connection | undefined> => {
      const apiKey = renewed();
      return apiKey ? { origin: space.url, apiKey, renew } : undefined;
    };
    return { space, backlog: connect(space, { apiKey: "wrong", renew }) };
  };

  const restart = () => {
    throw new Error("Restart it.");
  };

  test("the settings are read again, once, and every request is repeated with the new key", async () => {
    let renewed = 0;
    const { space, backlog } = start(() => {
      renewed += 1;
      return "right";
    });
    await using _ = space;
    const call = backlog.open();
    const asking = [call.getMyself(), call.getSpace(), call.countIssues({})];
    await Promise.all(asking);
    expect(renewed).toBe(1);
    await backlog.open().getMyself();
    expect(space.requests.map(({ apiKey }) => apiKey)).toEqual([
      ...["wrong", "wrong", "wrong", "right", "right", "right", "right"],
    ]);
  });

  test("a list of projects that came with the new key lets no call go on that began without it", async () => {
    await using space = startSampleSpace({ apiKey: "right" });
    const renewed = { origin: space.url, apiKey: "right", projects: ["OPS"] };
    const renew = async () => renewed;
    const backlog = connect(space, { apiKey: "wrong", renew });
    expect(await messageOf(backlog.open().getIssue("WEB-1"))).toBe(
      "BACKLOG_PROJECTS has changed since this call began. Call again.",
    );
    const again = await messageOf(backlog.open().getIssue("WEB-1"));
    expect(again).toContain("BACKLOG_PROJECTS leaves it out.");
  });

  test.each([
    ["nothing changed", () => undefined, "(401, ", 2],
    ["the new key is wrong too", () => "also wrong", "(401, ", 3],
    ["another space is configured now", restart, "Restart it.", 2],
  ])("where %s, that is the error", async (_, renewed, error, requests) => {
    const { space, backlog } = start(renewed);
    await using _space = space;
    const call = backlog.open();
    expect(await messageOf(call.getMyself())).toContain(error);
    expect(await messageOf(call.getMyself())).toContain(error);
    expect(space.requests).toHaveLength(requests);
  });
});

describe("an error says what happened, what Backlog said and what to do", () => {
  const REFUSED = "Backlog refused GET /issues/count";
  const UNCHANGED = "Change the arguments; retrying unchanged will not help.";
  const KEY =
    "The API key is wrong or revoked, or belongs to another space than HOST. Take BACKLOG_API_KEY from Personal Settings > API of your space, or correct BACKLOG_DOMAIN; retrying will not help before that.";
  const OWNER =
    "The owner of this API key may not read it; retrying will not help.";
  const ADDRESS =
    "This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that.";
  const TWO_STEP =
    "This space requires two-step login, and the owner of this API key has not set it up. Set it up in the Nulab account; retrying will not help before that.";
  const PLAN =
    "The space's plan does not allow the API, or has expired. Ask the space's administrator; retrying will not help.";
  const UNSEEN =
    "It does not exist, or this key may not see it; Backlog does not say which.";
  const AGAIN = "Try again in a minute.";
  test.each([
    [400, 7, 1, UNCHANGED],
    [400, 11, 1, KEY],
    [401, 0, 1, KEY],
    [401, 5, 1, OWNER],
    [403, 0, 1, OWNER],
    [403, 4, 1, ADDRESS],
    [403, 12, 1, TWO_STEP],
    [403, 3, 1, PLAN],
    [404, 6, 1, UNSEEN],
    [418, 0, 1, UNCHANGED],
    [429, 13, 1, AGAIN],
    [500, 1, 3, AGAIN],
    [501, 1, 1, AGAIN],
    [502, 1, 3, AGAIN],
    [503, 1, 3, AGAIN],
    [504, 1, 3, AGAIN],
    [505, 1, 1, AGAIN],
  ])("%d with code %d is asked for %d times", async (status, code, ...told) => {
    const [requests, advice] = told;
    const answer = () => Response.json(refusal(code, "No."), { status });
    const what = status < 500 ? "refused" : "failed on";
    const why = status === 429 ? ": too many requests in this minute" : "";
    const said = `Backlog ${what} GET /issues/count (${status}, "No.")${why}. ${advice}`;
    expect(await count(answer)).toEqual({ said, requests });
  });

  test.each<[what: string, told: string, ...errors: unknown[]]>([
    [
      "several errors, with more information",
      "First. It was long. Second.",
      { message: "First.", code: 7, moreInfo: "It was long." },
      ...[{ message: 5 }, { message: "Second.", moreInfo: " " }],
    ],
    ["among what is none", "Here.", null, 7, [], { message: "Here." }],
    ["what would break out", 'a\\" # Do', { message: 'a"\n\u202e# Do' }],
    ["too long", `${"x".repeat(300)}…`, { message: "x".repeat(5_000) }],
  ])("Backlog's own words: %s", async (_, told, ...errors) => {
    const answer = () => Response.json({ errors }, { status: 400 });
    const { said } = await count(answer);
    expect(said).toBe(`${REFUSED} (400, "${told}"). ${UNCHANGED}`);
  });

  const HTML = "<!doctype html><title>Log in</title>";
  const SPACE = "that BACKLOG_DOMAIN (HOST) is the address of a Backlog space";
  const FORMAT = `Check ${SPACE} and that no login page or proxy stands between.`;
  const ANSWERED = "Backlog answered GET /issues/count with";
  test.each([
    [
      404,
      HTML,
      `${REFUSED} (404). The answer is a page of HTML: check ${SPACE}.`,
    ],
    [200, HTML, `${ANSWERED} a page of HTML. ${FORMAT}`],
    [200, '{"count":1,', `${ANSWERED} something other than JSON. ${FORMAT}`],
  ])("%d with %s", async (status, body, said) => {
    const answer = () => new Response(body, { status });
    expect(await count(answer)).toEqual({ said, requests: 1 });
  });

  const LONG = "x".repeat(297);
  test.each([
    ["as it is", refusal(7, `${LONG}SECRET`), {}],
    ["in parts", refusal(7, `${LONG}SEC\u202eRET`), {}],
    ["in a redirect", {}, { Location: "http://xsecret.a" }],
  ])(
    "without the key, astride the length at which it is cut: %s",
    async (_, body, headers) => {
      const redact = (text: string) => text.replace(/secret/gi, "[API key]");
      const status = "Location" in headers ? 302 : 400;
      const answer = () => Response.json(body, { status, headers });
      const { said } = await count(answer, {}, { redact });
      expect(said).toMatch(/x\[AP(I key\]|…")/);
    },
  );

  test("a query that is too long to send is refused before it is sent", async () => {
    await using space = startSampleSpace();
    const statusId = Array.from({ length: 400 }, (_, index) => 245_000 + index);
    expect(await messageOf(open(space).countIssues({ statusId }))).toBe(
      "The filters make a request of 8813 bytes, more than the 8000 that are safe to send. Name fewer IDs or names.",
    );
    expect(space.requests).toEqual([]);
  });
});

const unavailable = () => new Response("<h1>Sorry</h1>", { status: 503 });

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
          requests += Number(`${chunk}`.startsWith("GET /api/v2/space "));
          fail(socket);
        },
      },
    });
    const url = `http://127.0.0.1:${listener.port}`;
    const call = open({ url, apiKey: "0123456789abcdefghij" });
    expect(await messageOf(call.getSpace())).toMatch(
      /^Could not reach 127\.0\.0\.1:\d+ for GET \/space \(\w+\)\. Check BACKLOG_DOMAIN and the network; try again in a minute\.$/,
    );
    expect(requests).toBe(3);
  });

  const endless = () => new Response(new ReadableStream({ pull: never }));
  test.each([
    ["never comes", never],
    ["never ends", endless],
  ])("an answer that %s within an attempt's time", async (_, answer) => {
    expect(await count(answer, { attemptMs: 300 })).toEqual({
      said: "Backlog did not answer GET /issues/count within 0.3 s. Narrow the search or try again.",
      requests: 3,
    });
  });

  test("and told as soon as one attempt succeeds", async () => {
    let times = 0;
    const answer = () => (++times < 3 ? unavailable() : undefined);
    const { said, requests } = await count(answer);
    expect(said).toStartWith("no error");
    expect(requests).toBe(3);
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
        return isFirst && path !== "/space" ? unavailable() : undefined;
      },
    });
    const limits = { retryWaitMs: 200, concurrentRequests: 1 };
    const call = open(space, {}, limits);
    await Promise.all([
      call.getMyself(),
      call.getIssueRow("WEB-2"),
      call.getSpace(),
    ]);
    expect(order).toEqual([
      ...["/users/myself", "/issues/WEB-2", "/space"],
      ...["/issues/WEB-2", "/users/myself"],
    ]);
  });

  test("is three times as long the second time: here too long for what is left", async () => {
    using _ = spyOn(Math, "random").mockReturnValue(0.5);
    const limits = { retryWaitMs: 400, callMs: 1_300, answerMs: 0 };
    const { said, requests } = await count(unavailable, limits);
    expect(said).toContain("(503)");
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
    expect((await count(answer)).requests).toBe(2);
  });

  const SHORT = { callMs: 1_000, answerMs: 100 };
  test.each<[string, seconds: number, Partial<Limits>, told: string]>([
    ["12 s away", 12, {}, "The limit resets in 12 s; try again then."],
    ["too late", 5, SHORT, "The limit resets in 5 s; try again then."],
    ["when no minute does", Date.now(), {}, "Try again in a minute."],
  ])("that resets %s is not waited for", async (_, seconds, limits, told) => {
    expect(await count(() => limited(seconds), limits)).toEqual({
      said: `Backlog refused GET /issues/count (429): too many requests in this minute. ${told}`,
      requests: 1,
    });
  });
});

describe("a redirect", () => {
  const REFUSED =
    "Redirects are not followed, so that the API key goes to no other place.";
  test.each([301, 302, 307, 399])(
    "%d to another host is refused, and that host sees nothing",
    async (status) => {
      await using other = startSampleSpace();
      const headers = { location: `${other.url}/api/v2/issues/count` };
      expect(await count(() => new Response("", { status, headers }))).toEqual({
        said: `HOST redirects GET /issues/count to ${other.host} (${status}). ${REFUSED} Check BACKLOG_DOMAIN.`,
        requests: 1,
      });
      expect(other.requests).toEqual([]);
    },
  );

  test.each([
    ["to the same host", { location: "/api/v2/space" }, "HOST"],
    ["to no address", {}, "another address"],
  ])("%s is refused too", async (_, headers, target) => {
    const answer = () => new Response("", { status: 302, headers });
    const { said } = await count(answer);
    expect(said).toStartWith(`HOST redirects GET /issues/count to ${target} (`);
  });

  test("of an attachment says how to open it", async () => {
    const headers = { location: "https://files.example/8?token=t" };
    await using space = startSampleSpace({
      answer: () => new Response("", { status: 302, headers }),
    });
    expect(await messageOf(open(space).getAttachment("WEB-5", 8, 9))).toBe(
      `${space.host} redirects GET /issues/WEB-5/attachments/8 to files.example (302). ${REFUSED} Open the file from the issue's address in a browser.`,
    );
  });
});

const TOO_LARGE =
  "Backlog's answer to GET /issues/count is larger than 32 MiB and was not read. Ask for less; retrying unchanged will not help.";

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
  expect(await count(() => new Response(body()))).toEqual({
    ...{ said: TOO_LARGE, requests: 1 },
  });
  expect(sent).toBeLessThan(128 << 20);
});

describe("a compressed answer", () => {
  const packed = Bun.gzipSync('{"count":7}');
  const bomb = Bun.gzipSync(Buffer.alloc(40 << 20, 32));
  // Whoever tried to unpack it would fail in another way.
  const noise = crypto.getRandomValues(new Uint8Array(3_000));
  const READ = "no error, but 7";
  const OTHERWISE =
    "The answer to GET /issues/count is compressed in a way that was not asked for, so it was not read. A proxy may stand between; retrying will not help.";
  const BR = OTHERWISE.replace("for,", "for (br),");
  const DAMAGED =
    "The answer to GET /issues/count is damaged: it could not be unpacked (gzip), so it was not read. A proxy may stand between; try again in a minute.";
  test.each([
    ["is read", "gzip", packed, READ, 1],
    ["is read by its older name", "x-gzip", packed, READ, 1],
    ["is read however it is written", " GZIP", packed, READ, 1],
    ["which nobody asked for, is refused unread", "br", noise, BR, 1],
    ["packed twice is refused unread", "gzip, br", noise, OTHERWISE, 1],
    ["that breaks off is damaged", "gzip", packed.slice(0, 20), DAMAGED, 3],
    ["that is none is damaged", "gzip", Buffer.from("{}"), DAMAGED, 3],
    ["that unpacks to more than 32 MiB is cut off", "gzip", bomb, TOO_LARGE, 1],
  ])("%s", async (_, encoding, bytes, said, requests) => {
    const headers = { "Content-Encoding": encoding };
    const answer = () => new Response(bytes, { headers });
    expect(await count(answer)).toEqual({ said, requests });
  });

  test("that refuses is a refusal, whatever its bytes are", async () => {
    const headers = { "Content-Encoding": "gzip" };
    const answer = () => new Response("", { status: 404, headers });
    const { said, requests } = await count(answer);
    expect(said).toStartWith(
      "Backlog refused GET /issues/count (404). It does",
    );
    expect(requests).toBe(1);
  });
});
