import { describe, expect, test } from "bun:test";
import {
  addThread,
  largeData,
  type SpaceData,
  sampleData,
} from "../sample-space/data.ts";
import {
  type RecordedRequest,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import {
  type Call,
  QUESTIONS,
  type Question,
  toDepth,
} from "../scripts/questions.ts";
import { sizeOf } from "../text.ts";

// Far above what lies between requests that are sent at once.
const LATENCY_MS = 100;

/** What one call with a configured USER_ID asks of Backlog, and its text. */
async function answer(
  data: SpaceData,
  call: Call,
  { userId = `${data.me}` }: { userId?: string } = {},
) {
  await using space = startSampleSpace({ data, latencyMs: LATENCY_MS });
  await using server = await connectInProcess(space, {
    ...(userId !== "" && { userId }),
  });
  const { text, isError } = await server.call(...call);
  expect(isError).toBe(false);
  return {
    text,
    requests: space.requests.length,
    depth: toDepth(space.requests),
  };
}

function findQuestion(name: string): Question {
  const question = QUESTIONS.find((candidate) => candidate.name === name);
  if (!question) throw new Error(`No question is "${name}".`);
  return question;
}

describe("each everyday question costs exactly so much", () => {
  const costs: [question: string, requests: number, depth: number][] = [
    ["My open issues, in 60 projects", 3, 1],
    ["The same with custom statuses", 4, 2],
    ["An ordinary issue", 4, 1],
    ["An issue with 350 comments", 6, 3],
    ["An issue with parent and children", 6, 2],
    ["450 matching issues", 6, 2],
  ];
  test.each(costs)(
    "%s: %d requests, %d deep",
    async (name, requests, depth) => {
      const { data, call } = findQuestion(name);
      expect(await answer(data(), call)).toMatchObject({ requests, depth });
    },
  );

  test("and none is left out here", () => {
    expect(costs.map(([name]) => name)).toEqual(
      QUESTIONS.map(({ name }) => name),
    );
  });
});

describe("the default list is two round trips deep", () => {
  test("where USER_ID is not set", async () => {
    const data = largeData({ projects: 60, issues: 100 });
    const cost = await answer(data, ["get_user_issue_list", {}], {
      userId: "",
    });
    expect(cost).toMatchObject({ requests: 4, depth: 2 });
  });

  test("where more than 100 issues are open, however many", async () => {
    for (const issues of [200, 10_000]) {
      const data = largeData({ projects: 60, issues });
      const cost = await answer(data, ["get_user_issue_list", {}]);
      expect(cost).toMatchObject({ requests: 4, depth: 2 });
    }
  });
});

describe("the number of projects costs nothing", () => {
  test.each([
    { name: "without custom statuses", customStatuses: false, requests: 3 },
    { name: "with custom statuses", customStatuses: true, requests: 4 },
  ])("$name", async ({ customStatuses, requests }) => {
    for (const projects of [1, 200]) {
      const data = largeData({ projects, issues: 60, customStatuses });
      const cost = await answer(data, ["get_user_issue_list", {}]);
      expect(cost.requests).toBe(requests);
    }
  });
});

describe("an issue: what it costs, and where the next call stands", () => {
  const long = (n: number) => `${n}. ${"Measured again. ".repeat(130)}`;
  test.each([
    {
      name: "no comments",
      count: 0,
      requests: 4,
      depth: 1,
      tokens: 110,
      next: -1,
    },
    {
      name: "20 comments",
      count: 20,
      requests: 4,
      depth: 1,
      tokens: 900,
      next: -1,
    },
    {
      name: "100 comments",
      count: 100,
      requests: 4,
      depth: 1,
      tokens: 4_100,
      next: -1,
    },
    {
      name: "350 comments",
      count: 350,
      requests: 6,
      depth: 3,
      tokens: 9_000,
      next: 200,
    },
    {
      name: "350 long comments",
      count: 350,
      text: long,
      requests: 4,
      depth: 1,
      tokens: 9_000,
      next: 200,
    },
  ])("$name", async ({ count, text, requests, depth, tokens, next }) => {
    const data = sampleData();
    addThread(data, "WEB-7", count, text ? { text } : {});
    const cost = await answer(data, [
      "get_issue_details",
      { issue_key: "WEB-7" },
    ]);
    expect(cost).toMatchObject({ requests, depth });
    expect(sizeOf(cost.text).tokens).toBeLessThan(tokens);
    const place = cost.text.indexOf("Older: issue_key ");
    expect(next < 0 ? place < 0 : place > 0 && place < next).toBe(true);
  });
});

describe("one call each: requests, round trips, characters at most", () => {
  const ANYONE = { assignee_names: ["anyone"] };
  test.each<[string, Record<string, unknown>, [number, number, number]]>([
    [
      "open issues per person in a project",
      { project_keys: ["WEB"], count_by: ["assignee"] },
      [6, 3, 500],
    ],
    [
      "created and closed per project since a day",
      { created_since: "2026-11-01", count_by: ["project", "status"] },
      [3, 1, 600],
    ],
    ["nobody's", { assignee_names: ["nobody"] }, [5, 2, 750]],
    [
      "High and without due date",
      {
        ...ANYONE,
        priority_names: ["High"],
        status_names: ["any"],
        due_date_until: "none",
      },
      [4, 2, 600],
    ],
    [
      "what I did this week",
      { history_since: "this week", history_by_names: ["me"] },
      [6, 3, 1_400],
    ],
    [
      "what happened in a project since a day",
      { ...ANYONE, project_keys: ["MOBILE"], history_since: "2026-11-18" },
      [5, 3, 800],
    ],
    [
      "by a custom field",
      { ...ANYONE, project_keys: ["WEB"], custom_fields: ["Severity=S1"] },
      [6, 3, 700],
    ],
    [
      "due this week, most urgent first",
      { due_date_until: "this week", sort: "due_date" },
      [4, 2, 1_100],
    ],
  ])("%s", async (_, args, [requests, depth, characters]) => {
    const call: Call = [
      "get_user_issue_list",
      { timezone: "Asia/Tokyo", ...args },
    ];
    const cost = await answer(sampleData(), call);
    expect(cost).toMatchObject({ requests, depth });
    expect(cost.text.length).toBeLessThan(characters);
  });

  test.each([
    [100, 4, 2],
    [500, 6, 2],
  ])(
    "the next call stands right behind the total: %d rows",
    async (limit, requests, depth) => {
      const data = largeData({ projects: 60, issues: 2_400 });
      const cost = await answer(data, ["get_user_issue_list", { limit }]);
      expect(cost).toMatchObject({ requests, depth });
      const [total, next] = cost.text.split("\n");
      expect(next).toStartWith("Next: get_user_issue_list {");
      expect(total?.length).toBeLessThan(100);
    },
  );
});

describe("what the model reads", () => {
  test("tools/list is a line of under 6,000 bytes", async () => {
    await using server = await connectInProcess({
      url: "https://your-space.backlog.com",
      apiKey: "never-sent",
    });
    const result = await server.client.listTools();
    const line = JSON.stringify({ jsonrpc: "2.0", id: 1, result });
    expect(Buffer.byteLength(`${line}\n`)).toBeLessThan(6_000);
  });

  test.each([
    ["My open issues, in 60 projects", 1_600],
    ["The same with custom statuses", 1_600],
    ["An ordinary issue", 450],
    ["An issue with 350 comments", 10_000],
    ["An issue with parent and children", 330],
    ["450 matching issues", 10_000],
  ])("%s: an answer under %d tokens", async (name, tokens) => {
    const { data, call } = findQuestion(name);
    const { text } = await answer(data(), call);
    expect(sizeOf(text).tokens).toBeLessThan(tokens);
  });

  test("a row of a list is under 45 tokens", async () => {
    const list = async (issues: number) => {
      const data = largeData({ projects: 1, issues, closedShare: 0 });
      const { text } = await answer(data, ["get_user_issue_list", {}]);
      return sizeOf(text).tokens;
    };
    expect(((await list(100)) - (await list(10))) / 90).toBeLessThan(45);
  });

  test("an answer of any size is under 10,000 tokens", async () => {
    const data = largeData({
      projects: 60,
      issues: 10_000,
      titles: "long",
    });
    const cost = await answer(data, ["get_user_issue_list", { limit: 500 }]);
    expect(sizeOf(cost.text).tokens).toBeLessThan(10_000);
  });
});

describe("at most four requests are under way at once", () => {
  test("where two calls want more of them", async () => {
    const data = largeData({ projects: 60, issues: 3_000 });
    await using space = startSampleSpace({ data, latencyMs: LATENCY_MS });
    await using server = await connectInProcess(space, {
      userId: `${data.me}`,
    });
    await Promise.all([
      server.list({ limit: 500 }),
      server.details({ issue_key: "P1-1" }),
    ]);
    expect(space.peak).toBe(4);
  });

  test("where every project has to be asked", async () => {
    const data = sampleData();
    await using space = startSampleSpace({ data, latencyMs: LATENCY_MS });
    await using server = await connectInProcess(space);
    await server.list({ milestone_names: ["v1.2"], category_names: ["Auth"] });
    expect(space.peak).toBe(4);
  });
});

describe("toDepth", () => {
  const request = (at: number, answeredAt?: number): RecordedRequest => ({
    method: "GET",
    path: "/issues",
    query: "",
    apiKey: null,
    userAgent: null,
    at,
    ...(answeredAt !== undefined && { answeredAt }),
    aborted: false,
  });
  test.each<[string, RecordedRequest[], number]>([
    ["nothing asked is no round trip", [], 0],
    ["what is asked at once is one", [request(1, 9), request(2, 8)], 1],
    [
      "what is asked after an answer is one more",
      [request(1, 2), request(3)],
      2,
    ],
    [
      "what no answer came before is not",
      [request(1, 5), request(2, 9), request(6, 8), request(7, 10)],
      2,
    ],
  ])("%s", (_, requests, expected) => {
    expect(toDepth(requests)).toBe(expected);
  });
});
