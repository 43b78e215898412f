import { describe, expect, test } from "bun:test";
import { Backlog, BacklogCall, LIMITS } from "../backlog.ts";
import manifest from "../package.json" with { type: "json" };
import { sampleData } from "../sample-space/data.ts";
import {
  FREE_PLAN,
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { never } from "./helpers.ts";

type Connection = ConstructorParameters<typeof Backlog>[0];

/** Speaks to a space; a failing request is not repeated, to be quick. */
function connect(space: SampleSpace, more: Partial<Connection> = {}): Backlog {
  const { url: origin, apiKey } = space;
  const limits = { ...LIMITS, attempts: 1 };
  return new Backlog({ origin, apiKey, ...more }, limits);
}

const open = (...given: Parameters<typeof connect>) => connect(...given).open();

/** What a request fails with. */
const messageOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    (answer) => `no error, but ${JSON.stringify(answer)}`,
    ({ message }) => message,
  );

/** A space that answers every request so. */
function answering(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): SampleSpaceOptions {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { answer: () => new Response(text, { status, headers }) };
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

describe("the names of a query", () => {
  test("an issue with its children's summary; where that is refused, without", async () => {
    await using space = startSampleSpace({ switches: { expand: "refused" } });
    const issue = await open(space).getIssue("WEB-1");
    expect(space.requests.map(({ query, status }) => [query, status])).toEqual([
      ["expand[]=childIssueSummary", 400],
      ["", 200],
    ]);
    expect(issue.issueKey).toBe("WEB-1");
  });

  test("a count is asked for without order", async () => {
    await using space = startSampleSpace();
    const query = { statusId: [1, 2], sort: "updated", order: "desc" };
    expect(await open(space).countIssues(query)).toBe(15);
    expect(space.requests[0]?.query).toBe("statusId[]=1&statusId[]=2");
  });
});

describe("what the client reads", () => {
  test("an attachment is its very bytes, up to the size that is asked for", async () => {
    const file = new Uint8Array([0, 255, 10, 13, 200]);
    await using space = startSampleSpace({ answer: () => new Response(file) });
    const call = open(space);
    expect([...(await call.getAttachment("WEB-5", 8, 5))]).toEqual([...file]);
    expect(await messageOf(call.getAttachment("WEB-5", 8, 4))).toBe(
      "Backlog's answer to GET /issues/WEB-5/attachments/8 is larger than 4 bytes and was not read. Ask for less; retrying unchanged will not help.",
    );
  });

  test("an attachment that is kept elsewhere is named, not followed", async () => {
    const headers = { Location: "https://files.example/8?token=t" };
    await using space = startSampleSpace(answering(302, "", headers));
    expect(await messageOf(open(space).getAttachment("WEB-5", 8, 9))).toBe(
      `${space.host} redirects GET /issues/WEB-5/attachments/8 to files.example (302). Redirects are not followed, so that the API key goes to no other place. Open the file from the issue's address in a browser.`,
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
    await using space = startSampleSpace(answering(200, answer));
    const redact = (text: string) => text.replaceAll("SECRET", "[API key]");
    const { summary, status } = await open(space, { redact }).getIssue("WEB-1");
    expect([summary, status.name]).toEqual(["[API key]", "[API key]"]);
  });
});

describe("the sample space is strict", () => {
  test.each([
    ["/issues?statusIds[]=1", 400, "Invalid parameter: statusIds[]"],
    ["/issues/count?order=asc", 400, "Invalid parameter: order"],
    ["/issues?keyword=a&keyword=b", 400, "Invalid parameter: keyword"],
    ["/issues?dueDateUntil=2026-02-31", 400, "Invalid parameter: dueDateUntil"],
    ["/issues?customField_7[]=1", 400, "Invalid parameter: customField_7[]"],
    ["/issues/WEB-1/comments?count=101", 400, "Invalid parameter: count"],
    ["/space?apiKey=secret", 400, "Invalid parameter: apiKey"],
    ["/space/", 404, "No resource."],
  ])("%s is refused with %d", async (path, status, message) => {
    await using space = startSampleSpace();
    const headers = { "Backlog-API-Key": space.apiKey };
    const answer = await fetch(`${space.url}/api/v2${path}`, { headers });
    const errors = [{ message, code: status === 404 ? 6 : 7, moreInfo: "" }];
    expect([answer.status, await answer.json()]).toEqual([status, { errors }]);
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

test("a call's time runs while it waits for another's slot; a call that has ended says so", async () => {
  await using space = startSampleSpace({ answer: never });
  const limits = { ...LIMITS, answerMs: 0, concurrentRequests: 1 };
  const { url: origin, apiKey } = space;
  const backlog = new Backlog({ origin, apiKey }, limits);
  const long = backlog.open();
  const asking = messageOf(long.getMyself());
  limits.callMs = 100;
  expect(await messageOf(backlog.open().getSpace())).toBe(
    "The 0.1 s that one call may take were used up before Backlog answered GET /space. Narrow the search or try again.",
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
  /** Of a refused request, with the space's host as HOST. */
  async function say(options: SampleSpaceOptions, connection = {}) {
    await using space = startSampleSpace(options);
    const message = await messageOf(open(space, connection).countIssues({}));
    return message.replaceAll(space.host, "HOST");
  }

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
  test.each([
    [400, 7, UNCHANGED],
    [401, 11, KEY],
    [401, 5, OWNER],
    [403, 0, OWNER],
    [403, 4, ADDRESS],
    [403, 12, TWO_STEP],
    [403, 3, PLAN],
    [404, 6, UNSEEN],
  ])("%d with code %d", async (status, code, advice) => {
    expect(await say(answering(status, refusal(code, "No.")))).toBe(
      `${REFUSED} (${status}, "No."). ${advice}`,
    );
  });

  test.each<[what: string, told: string, ...errors: unknown[]]>([
    [
      "several errors, with more information",
      "First. It was long. Second.",
      { message: "First.", code: 7, moreInfo: "It was long." },
      ...[{ message: 5 }, { message: "Second.", moreInfo: " " }],
    ],
    ["what would break out", 'a\\" # Do', { message: 'a"\n\u202e# Do' }],
    ["too long", `${"x".repeat(300)}…`, { message: "x".repeat(5_000) }],
    ["among what is none", "Here.", null, 7, [], { message: "Here." }],
  ])("Backlog's own words: %s", async (_, told, ...errors) => {
    expect(await say(answering(400, { errors }))).toBe(
      `${REFUSED} (400, "${told}"). ${UNCHANGED}`,
    );
  });

  const HTML = "<!doctype html><title>Log in</title>";
  const LIMITED = "too many requests in this minute.";
  const FORMAT =
    "Check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space and that no login page or proxy stands between.";
  const LATER = {
    Date: "Sun, 22 Nov 2026 03:00:00 GMT",
    "X-RateLimit-Reset": String(Date.parse("2026-11-22T03:03:00Z") / 1_000),
  };
  const MESSAGES: [string, Parameters<typeof answering>, string][] = [
    [
      "a page of HTML that is refused",
      [404, HTML],
      `${REFUSED} (404). The answer is a page of HTML: check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space.`,
    ],
    [
      "a limit that resets in three minutes, by the space's own clock",
      [429, "", LATER],
      `${REFUSED} (429): ${LIMITED} The limit resets in 180 s; try again then.`,
    ],
    [
      "a limit that does not say when",
      [429, refusal(13, "Too many.")],
      `${REFUSED} (429, "Too many."): ${LIMITED} Try again in a minute.`,
    ],
    [
      "a failure",
      [500, refusal(1, "Oh.")],
      'Backlog failed on GET /issues/count (500, "Oh."). Try again in a minute.',
    ],
    [
      "a page of HTML",
      [200, HTML],
      `Backlog answered GET /issues/count with a page of HTML. ${FORMAT}`,
    ],
    [
      "half of an answer",
      [200, '{"count":1,"more":"WEB'],
      `Backlog answered GET /issues/count with something other than JSON. ${FORMAT}`,
    ],
  ];
  test.each(MESSAGES)("%s", async (_, answer, expected) => {
    expect(await say(answering(...answer))).toBe(expected);
  });

  const LONG = "x".repeat(297);
  test.each([
    ["as it is", answering(400, refusal(7, `${LONG}SECRET`))],
    ["in parts", answering(400, refusal(7, `${LONG}SEC\u202eRET`))],
    ["in a redirect", answering(302, "", { Location: "http://xsecret.a" })],
  ])(
    "without the key, astride the length at which it is cut: %s",
    async (_, answer) => {
      const redact = (text: string) => text.replace(/secret/gi, "[API key]");
      expect(await say(answer, { redact })).toMatch(/x\[AP(I key\]|…")/);
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

describe("while BACKLOG_PROJECTS is in force", () => {
  /** A space of these projects that answers everything else so. */
  const holding = (keys: string[], body: unknown): SampleSpaceOptions => {
    const projects = keys.map((projectKey, id) => ({
      id: 1e6 + id,
      projectKey,
    }));
    return {
      answer: (_, path) =>
        Response.json(path === "/projects" ? projects : body),
    };
  };

  test("what is left out is told once, with the sum of it", async () => {
    const created = "2026-11-20T00:00:00Z";
    const activities = ["OPS", "WEB"].map((projectKey, id) => {
      return { id, type: 1, created, project: { projectKey } };
    });
    await using space = startSampleSpace(holding(["WEB"], activities));
    const call = open(space, { projects: ["WEB"] });
    for (const user of [7, 8]) {
      const { sent } = await call.listActivities(user, {});
      // Its place is kept: where the next page begins hangs on it.
      expect(sent.map(({ id, entry }) => [id, entry?.id])).toEqual([
        [0, undefined],
        [1, 1],
      ]);
    }
    const paths = space.requests.map(({ path }) => path);
    expect(paths.filter((path) => path === "/projects")).toHaveLength(1);
    expect([...call.notes]).toEqual([
      "BACKLOG_PROJECTS leaves out 2 entries of other projects.",
    ]);
  });

  test("children are not counted, even where Backlog sends their number", async () => {
    const [first] = sampleData().issues;
    const issue = { ...first, childIssueSummary: { total: 3, closed: 1 } };
    await using space = startSampleSpace(holding(["WEB"], issue));
    const read = await open(space, { projects: ["WEB"] }).getIssue("WEB-1");
    expect(read.childIssueSummary).toBeUndefined();
  });

  test("a request that names each of 400 projects is refused, and says how to go on", async () => {
    const projects = Array.from({ length: 400 }, (_, index) => `P${index + 1}`);
    await using space = startSampleSpace(holding(projects, { count: 0 }));
    const call = open(space, { projects });
    expect(await messageOf(call.countIssues({}))).toBe(
      "The filters make a request of 9613 bytes, more than the 8000 that are safe to send. Name fewer IDs or names. Where no project is named, each that BACKLOG_PROJECTS allows is asked for: name some of them.",
    );
  });
});
