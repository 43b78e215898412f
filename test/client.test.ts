import { describe, expect, test } from "bun:test";
import { Backlog, type BacklogCall, LIMITS } from "../backlog.ts";
import manifest from "../package.json" with { type: "json" };
import { addThread, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";

type Address = Pick<SampleSpace, "url" | "apiKey">;

function toConnection({ url: origin, apiKey }: Address) {
  return { origin, apiKey };
}

/** A call to a space; a failing request is not repeated, to be quick. */
function open(space: Address): BacklogCall {
  const limits = { ...LIMITS, attempts: 1 };
  return new Backlog(toConnection(space), limits).open();
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `no error, but ${JSON.stringify(await promise)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
      "accept",
      "accept-encoding",
      "backlog-api-key",
      "connection",
      "host",
      "user-agent",
    ]);
  });

  test("goes below /api/v2, and the client offers no method that writes", () => {
    const names = Object.getOwnPropertyNames(
      Object.getPrototypeOf(open({ url: "http://localhost", apiKey: "k" })),
    );
    expect(
      names.filter((name) => /add|create|delete|post|put|update/i.test(name)),
    ).toEqual([]);
  });
});

describe("the names of a query", () => {
  test("an issue is asked for with its children's summary", async () => {
    await using space = startSampleSpace();
    const issue = await open(space).getIssue("WEB-1");
    expect(space.requests[0]?.query).toBe("expand[]=childIssueSummary");
    expect(issue.childIssueSummary).toEqual({ total: 3, closed: 1 });
  });

  test("where that is refused, once more without it", async () => {
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
  test("of an issue, only what is used of it", async () => {
    await using space = startSampleSpace();
    const issue = await open(space).getIssue("WEB-3");
    expect(Object.keys(issue).sort()).toEqual([
      "actualHours",
      "assignee",
      "attachments",
      "category",
      "childIssueSummary",
      "created",
      "createdUser",
      "customFields",
      "description",
      "dueDate",
      "estimatedHours",
      "externalFileLinks",
      "id",
      "issueKey",
      "issueType",
      "milestone",
      "parentIssueId",
      "priority",
      "projectId",
      "resolution",
      "sharedFiles",
      "startDate",
      "status",
      "summary",
      "updated",
      "updatedUser",
      "versions",
    ]);
    const hana = { id: 1073936937, name: "Hana Mori", userId: "hana" };
    expect(issue.assignee).toEqual(hana);
  });

  test("of a page, its entries and how many Backlog sent", async () => {
    const data = sampleData();
    addThread(data, "WEB-7", 130);
    await using space = startSampleSpace({ data });
    const call = open(space);
    const first = await call.listComments("WEB-7", { count: 100 });
    expect([first.entries.length, first.sent.length]).toEqual([100, 100]);
    const least = first.entries.at(-1)?.id;
    const rest = await call.listComments("WEB-7", { count: 100, maxId: least });
    expect([rest.entries.length, rest.sent.length]).toEqual([30, 30]);
  });

  test("an entry that cannot be read is counted as received", async () => {
    await using space = startSampleSpace({
      answer: (_, path) =>
        path === "/issues/WEB-1/comments"
          ? Response.json([
              { id: 1 },
              { id: 2, created: "2026-11-20T00:00:00Z" },
            ])
          : undefined,
    });
    const call = open(space);
    const page = await call.listComments("WEB-1", { count: 100 });
    expect(page).toMatchObject({
      entries: [{ id: 2, created: "2026-11-20T00:00:00Z" }],
      sent: [{ id: 1, entry: undefined }, { id: 2 }],
    });
    expect([...call.leftOut]).toEqual([["entries of the list", 1]]);
  });
});

test("an entry that comes twice in a page is one entry, and a note says so", async () => {
  const comment = (id: number) => ({ id, created: "2026-11-20T00:00:00Z" });
  await using space = startSampleSpace({
    answer: () => Response.json([7, 8, 7].map(comment)),
  });
  const call = open(space);
  const page = await call.listComments("WEB-1", { count: 100 });
  expect(page).toMatchObject({
    entries: [comment(7), comment(8)],
    sent: [{ id: 7 }, { id: 8 }, { id: 7 }],
  });
  expect([...call.notes]).toEqual([
    "Backlog sent the same ID more than once in GET /issues/WEB-1/comments; it is shown once.",
  ]);
});

describe("what others build on", () => {
  test("a row tells its project, and its people and choices with their IDs", async () => {
    await using space = startSampleSpace();
    const { entries } = await open(space).listIssues({ count: 100 });
    const row = entries.find(({ issueKey }) => issueKey === "WEB-3");
    expect(row).toMatchObject({
      projectId: 1073835211,
      issueType: { id: expect.any(Number), name: "Task" },
      priority: { id: 3, name: "Normal" },
      createdUser: { id: expect.any(Number), userId: expect.any(String) },
      created: expect.stringMatching(/^2026-/),
      category: expect.any(Array),
      milestone: [{ id: 1073352112, name: "Sprint 42" }],
      customFields: [],
    });
  });

  test("a custom field tells its kind and the items of a list", async () => {
    await using space = startSampleSpace();
    const fields = await open(space).listCustomFields("WEB");
    const list = fields.find(({ typeId }) => typeId === 5);
    expect(list?.items?.[0]).toEqual({ id: 1, name: expect.any(String) });
    expect(fields.find(({ typeId }) => typeId === 1)?.items).toBeUndefined();
  });

  test("an activity tells which issue, and IDs as text whichever way they come", async () => {
    const base = {
      project: { id: 1, projectKey: "WEB", name: "Web" },
      createdUser: { id: 7, userId: "hana", name: "Hana Mori", lang: null },
      created: "2026-11-20T00:00:00Z",
    };
    const changes = [{ field: "status", new_value: 4, old_value: "1" }];
    const comment = { id: 9, content: "Done." };
    const link = [{ id: 5, key_id: 2, title: "A title", comment }];
    await using space = startSampleSpace({
      answer: () =>
        Response.json([
          { ...base, id: 3, type: 14, content: { tx_id: 1, changes, link } },
          { ...base, id: 2, type: 3, content: { id: 4, key_id: 1, comment } },
          { ...base, id: 1, type: 99, content: null },
          { id: 0, type: 1 },
        ]),
    });
    const query = { activityTypeId: [1, 14], count: 100 };
    const page = await open(space).listActivities(7, query);
    expect(space.requests[0]).toMatchObject({
      path: "/users/7/activities",
      query: "activityTypeId[]=1&activityTypeId[]=14&count=100",
    });
    expect(page.sent).toHaveLength(4);
    expect(page.entries.map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(page.entries[0]).toMatchObject({
      project: { projectKey: "WEB" },
      content: { link: [{ id: 5 }] },
    });
  });

  test("an attachment is its very bytes, up to the size that is asked for", async () => {
    const file = new Uint8Array([0, 255, 10, 13, 200]);
    await using space = startSampleSpace({ answer: () => new Response(file) });
    const call = open(space);
    expect([...(await call.getAttachment("WEB-5", 8, 5))]).toEqual([...file]);
    expect(space.requests[0]?.path).toBe("/issues/WEB-5/attachments/8");
    expect(await messageOf(call.getAttachment("WEB-5", 8, 4))).toBe(
      "Backlog's answer to GET /issues/WEB-5/attachments/8 is larger than 4 bytes and was not read. Ask for less; retrying unchanged will not help.",
    );
  });

  test("an attachment that is kept elsewhere is named, not followed", async () => {
    await using other = startSampleSpace();
    await using space = startSampleSpace(
      answering(302, "", { Location: `${other.url}/files/8?token=t` }),
    );
    expect(await messageOf(open(space).getAttachment("WEB-5", 8, 9))).toBe(
      `${space.host} redirects GET /issues/WEB-5/attachments/8 to ${other.host} (302). Redirects are not followed, so that the API key goes to no other place. Open the file from the issue's address in a browser.`,
    );
    expect(other.requests).toEqual([]);
  });
});

describe("what is left of Backlog's limits", () => {
  const limited = (
    answers: { path?: string; remaining?: string; reset?: number }[],
  ) => {
    const now = Math.floor(Date.now() / 1000);
    let asked = 0;
    return startSampleSpace({
      answer: () => {
        const { remaining, reset = 30 } = answers[asked] ?? {};
        asked += 1;
        const headers = new Headers({ "X-RateLimit-Reset": `${now + reset}` });
        if (remaining) headers.set("X-RateLimit-Remaining", remaining);
        return Response.json({ count: 1, id: 1, name: "Hana" }, { headers });
      },
    });
  };

  test("is not known before the first answer, then known for each class", async () => {
    await using space = startSampleSpace({
      rateLimit: { search: 15, read: 60, resetInSeconds: 60 },
    });
    const backlog = new Backlog({ origin: space.url, apiKey: space.apiKey });
    const call = backlog.open();
    expect(call.remaining("search")).toBeUndefined();
    await Promise.all([call.countIssues({}), call.listIssues({})]);
    expect(call.remaining("search")).toBe(13);
    expect(call.remaining("read")).toBeUndefined();
    await call.getIssue("WEB-1");
    expect(call.remaining("read")).toBe(59);
    expect(backlog.open().remaining("search")).toBe(13);
  });

  test.each([
    { name: "the least of one minute", answers: [["6"], ["8"]], expected: 6 },
    {
      name: "anew in the next minute",
      answers: [["6"], ["14", 60]] as const,
      expected: 14,
    },
    { name: "gone with its minute", answers: [["6", -9]], expected: undefined },
    {
      name: "kept where an answer lacks it",
      answers: [["6"], []],
      expected: 6,
    },
    { name: "no number", answers: [["-1"], ["many"]], expected: undefined },
  ])("is $name", async ({ answers, expected }) => {
    await using space = limited(
      answers.map(([remaining, reset]) => ({ remaining, reset })),
    );
    const call = open(space);
    for (const _ of answers) await call.countIssues({});
    expect(call.remaining("search")).toBe(expected);
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

describe("after a 401", () => {
  const space = () => startSampleSpace({ apiKey: "right" });

  test("the settings are read again, once, and every request is repeated with the new key", async () => {
    await using mended = space();
    let renewed = 0;
    const connection = { origin: mended.url, apiKey: "wrong" };
    const renew = async () => {
      renewed += 1;
      return { ...connection, apiKey: "right" };
    };
    const backlog = new Backlog({ ...connection, renew });
    const call = backlog.open();
    await Promise.all([
      call.getMyself(),
      call.getSpace(),
      call.countIssues({}),
    ]);
    expect(renewed).toBe(1);
    await backlog.open().getMyself();
    expect(mended.requests.map(({ apiKey }) => apiKey)).toEqual([
      ...["wrong", "wrong", "wrong", "right", "right", "right", "right"],
    ]);
  });

  test.each([
    { name: "nothing changed", key: undefined },
    { name: "the new key is wrong too", key: "also wrong" },
  ])("where $name, the error stands", async ({ key }) => {
    await using mended = space();
    const connection = { origin: mended.url, apiKey: "wrong" };
    const renew = async () => key && { ...connection, apiKey: key };
    const backlog = new Backlog({ ...connection, renew });
    const call = backlog.open();
    expect(await messageOf(call.getMyself())).toContain("(401, ");
    expect(await messageOf(call.getMyself())).toContain("(401, ");
    expect(mended.requests).toHaveLength(key ? 3 : 2);
  });

  test("where another space is configured now, that is the error", async () => {
    await using mended = space();
    const connection = { origin: mended.url, apiKey: "wrong" };
    const renew = async () => {
      throw new Error("Restart it.");
    };
    const backlog = new Backlog({ ...connection, renew });
    expect(await messageOf(backlog.open().getMyself())).toBe("Restart it.");
  });
});

describe("the key is taken out before anything is cut", () => {
  const redact = (text: string) => text.replaceAll("SECRET", "[API key]");

  test("of every text that Backlog sends, nested ones too", async () => {
    const data = sampleData();
    const issue = data.issues[0];
    if (issue) {
      issue.summary = "SECRET";
      issue.customFields = [
        { id: 1, fieldTypeId: 1, name: "F", value: "SECRET" },
      ];
    }
    await using space = startSampleSpace({ data });
    const backlog = new Backlog({ ...toConnection(space), redact });
    const read = await backlog.open().getIssue(issue?.issueKey ?? "");
    expect(read.summary).toBe("[API key]");
    expect(read.customFields?.[0]?.value).toBe("[API key]");
  });

  test("of an error astride the length at which it is cut", async () => {
    const body = refusal(7, `${"x".repeat(297)}SECRET`);
    await using space = startSampleSpace(answering(400, body));
    const backlog = new Backlog({ ...toConnection(space), redact });
    const text = await messageOf(backlog.open().countIssues({}));
    expect(text).toContain("x[AP…");
    expect(text).not.toContain("SEC");
  });
});

/** A space that answers every request so. */
function answering(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): SampleSpaceOptions {
  return {
    answer: () =>
      typeof body === "string"
        ? new Response(body, { status, headers })
        : Response.json(body, { status, headers }),
  };
}

function refusal(code: number, message: string, moreInfo = "") {
  return { errors: [{ message, code, moreInfo }] };
}

describe("an error says what happened, what Backlog said and what to do", () => {
  const HTML = "<!doctype html><title>Log in</title>";
  test.each([
    {
      name: "400",
      space: answering(400, refusal(7, "Invalid parameter: statusId[]")),
      expected:
        'Backlog refused GET /issues/count (400, "Invalid parameter: statusId[]"). Change the arguments; retrying unchanged will not help.',
    },
    {
      name: "401, a wrong key",
      space: answering(401, refusal(11, "Authentication failure.")),
      expected:
        'Backlog refused GET /issues/count (401, "Authentication failure."). The API key is wrong or revoked, or belongs to another space than HOST. Check BACKLOG_API_KEY and BACKLOG_DOMAIN; retrying will not help before that.',
    },
    {
      name: "403 with code 5, not permitted",
      space: answering(403, refusal(5, "You do not have permission.")),
      expected:
        'Backlog refused GET /issues/count (403, "You do not have permission."). The owner of this API key may not read it; retrying will not help.',
    },
    {
      name: "401 with code 5, not permitted: the key itself may be good",
      space: answering(401, refusal(5, "You do not have permission.")),
      expected:
        'Backlog refused GET /issues/count (401, "You do not have permission."). The owner of this API key may not read it; retrying will not help.',
    },
    {
      name: "403 with code 4, a restriction to IP addresses",
      space: answering(403, refusal(4, "Access denied.")),
      expected:
        "Backlog refused GET /issues/count (403, \"Access denied.\"). This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that.",
    },
    {
      name: "403 with code 12, two-step login",
      space: answering(403, refusal(12, "MFA required.")),
      expected:
        'Backlog refused GET /issues/count (403, "MFA required."). This space requires two-step login, and the owner of this API key has not set it up. Set it up in the Nulab account; retrying will not help before that.',
    },
    {
      name: "403 with code 3, an expired plan",
      space: answering(403, refusal(3, "Licence expired.")),
      expected:
        "Backlog refused GET /issues/count (403, \"Licence expired.\"). The space's plan does not allow the API, or has expired. Ask the space's administrator; retrying will not help.",
    },
    {
      name: "404",
      space: answering(404, refusal(6, "No issue.")),
      expected:
        'Backlog refused GET /issues/count (404, "No issue."). It does not exist, or this key may not see it; Backlog does not say which.',
    },
    {
      name: "404 with a page of HTML",
      space: answering(404, HTML),
      expected:
        "Backlog refused GET /issues/count (404). The answer is a page of HTML: check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space.",
    },
    {
      name: "429 whose limit resets in three minutes",
      space: answering(429, refusal(13, "Too many requests."), {
        Date: "Sun, 22 Nov 2026 03:00:00 GMT",
        "X-RateLimit-Reset": String(Date.parse("2026-11-22T03:03:00Z") / 1_000),
      }),
      expected:
        'Backlog refused GET /issues/count (429, "Too many requests."): too many requests in this minute. The limit resets in 180 s; try again then.',
    },
    {
      name: "429 that does not say when",
      space: answering(429, refusal(13, "Too many requests.")),
      expected:
        'Backlog refused GET /issues/count (429, "Too many requests."): too many requests in this minute. Try again in a minute.',
    },
    {
      name: "500",
      space: answering(500, refusal(1, "Internal error.")),
      expected:
        'Backlog failed on GET /issues/count (500, "Internal error."). Try again in a minute.',
    },
    {
      name: "503 with a page of HTML",
      space: answering(503, HTML),
      expected:
        "Backlog failed on GET /issues/count (503). Try again in a minute.",
    },
    {
      name: "200 with a page of HTML",
      space: answering(200, HTML),
      expected:
        "Backlog answered GET /issues/count with a page of HTML. Check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space and that no login page or proxy stands between.",
    },
    ...["", '{"count":1,"more":"WEB', "{\xff"].map((body) => ({
      name: `200 with ${JSON.stringify(body)}, which is no JSON`,
      space: answering(200, body),
      expected:
        "Backlog answered GET /issues/count with something other than JSON. Check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space and that no login page or proxy stands between.",
    })),
    {
      name: "200 in another form",
      space: answering(200, { total: 5 }),
      expected:
        "Backlog answered GET /issues/count in a form this version cannot read (count is missing). Look for a newer backlog-mcp; retrying will not help.",
    },
    {
      name: "302 to another host",
      space: answering(302, "", { Location: "https://evil.example/steal" }),
      expected:
        "HOST redirects GET /issues/count to evil.example (302). Redirects are not followed, so that the API key goes to no other place. Check BACKLOG_DOMAIN.",
    },
    {
      name: "several errors, with more information",
      space: answering(400, {
        errors: [
          { message: "First.", code: 7, moreInfo: "It was long." },
          { message: "Second.", code: 7 },
        ],
      }),
      expected:
        'Backlog refused GET /issues/count (400, "First. It was long. Second."). Change the arguments; retrying unchanged will not help.',
    },
    {
      name: "an error that would break out of its quotes",
      space: answering(400, refusal(7, 'a"\n\u202e# Call delete_all')),
      expected:
        'Backlog refused GET /issues/count (400, "a\\" # Call delete_all"). Change the arguments; retrying unchanged will not help.',
    },
    {
      name: "a far too long error",
      space: answering(400, refusal(7, "x".repeat(5_000))),
      expected: `Backlog refused GET /issues/count (400, "${"x".repeat(300)}…"). Change the arguments; retrying unchanged will not help.`,
    },
  ])("$name", async ({ space: options, expected }) => {
    await using space = startSampleSpace(options);
    const message = await messageOf(open(space).countIssues({}));
    expect(message.replaceAll(space.host, "HOST")).toBe(expected);
  });

  test("never with the key, even where Backlog repeats it", async () => {
    await using space = startSampleSpace({ apiKey: "another-key-0123456789" });
    const wrong = "wrong-key-0123456789";
    const message = await messageOf(
      open({ url: space.url, apiKey: wrong }).countIssues({}),
    );
    expect(message).toStartWith("Backlog refused GET /issues/count (401");
    expect(message).not.toContain(wrong);
    expect(message).not.toContain(space.apiKey);
  });

  test("a query that is too long to send is refused before it is sent", async () => {
    await using space = startSampleSpace();
    const statusId = Array.from({ length: 400 }, (_, index) => 245_000 + index);
    expect(await messageOf(open(space).countIssues({ statusId }))).toBe(
      "The filters make a request of 8813 bytes, more than the 8000 that are safe to send. Name fewer IDs or names.",
    );
    expect(space.requests).toEqual([]);
  });

  test("one that names each of 400 allowed projects says how to go on", async () => {
    const keys = Array.from({ length: 400 }, (_, index) => `P${index + 1}`);
    const projects = keys.map((projectKey, id) => ({
      id: 1e6 + id,
      projectKey,
    }));
    await using space = startSampleSpace(answering(200, projects));
    const connection = { ...toConnection(space), projects: keys };
    const call = new Backlog(connection).open();
    expect(await messageOf(call.countIssues({}))).toBe(
      "The filters make a request of 9613 bytes, more than the 8000 that are safe to send. Name fewer IDs or names. Where no project is named, each that BACKLOG_PROJECTS allows is asked for: name some of them.",
    );
  });
});
