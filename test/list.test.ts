import { describe, expect, test } from "bun:test";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  type Switches,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { sizeOf } from "../text.ts";
import { readList } from "./helpers.ts";

/** A list that is no error, and the path and query of each request. */
async function ask(
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
  { now }: { now?: Date } = {},
) {
  const answer = await readList(args, options, { ...(now && { now }) });
  expect(answer.isError ? answer.text : "").toBe("");
  expect(answer.requests.every(({ method }) => method === "GET")).toBe(true);
  const asked = answer.requests.map(({ path, query }) => `${path}?${query}`);
  return { ...answer, requests: asked };
}

/** Keys of the user's issues that are not closed, newest update first. */
function toOpenKeys({ issues, me }: SpaceData): string[] {
  return issues
    .filter(({ assignee, status }) => assignee?.id === me && status.id !== 4)
    .sort((a, b) => (a.updated < b.updated ? 1 : -1))
    .map(({ issueKey }) => issueKey);
}

describe("the default list of 60 projects and 2,400 issues", () => {
  const SIZE = { projects: 60, issues: 2_400 };

  test("has the true total after five requests", async () => {
    const data = largeData(SIZE);
    const { text, keys, requests } = await ask({}, { data });
    expect(text).toStartWith("1680 issues match; 1 to 100 are shown, newest");
    expect(keys).toEqual(toOpenKeys(data).slice(0, 100));
    expect(requests.sort()).toEqual([
      "/issues/count?assigneeId[]=1073936937",
      "/issues/count?assigneeId[]=1073936937&statusId[]=1&statusId[]=2&statusId[]=3",
      "/issues/count?assigneeId[]=1073936937&statusId[]=4",
      "/issues?assigneeId[]=1073936937&statusId[]=1&statusId[]=2&statusId[]=3&sort=updated&order=desc&offset=0&count=100",
      "/users/myself?",
    ]);
  });

  test("costs one request less where at most 99 are open", async () => {
    const data = largeData({ ...SIZE, assignedToMe: 50 });
    const { keys, requests } = await ask({}, { data });
    expect(keys).toEqual(toOpenKeys(data));
    expect(requests).toHaveLength(4);
  });

  test("misses no issue in a custom status", async () => {
    const data = largeData({
      ...SIZE,
      customStatuses: true,
      assignedToMe: 150,
      customStatusIssues: 400,
    });
    const { text, keys } = await ask({ limit: 500 }, { data });
    const expected = toOpenKeys(data);
    expect(expected.length).toBeGreaterThan(100);
    expect(text).toStartWith(`${expected.length} issues match; all shown`);
    expect(keys).toEqual(expected);
    expect(text.split("| 検収待ち |").length - 1).toBe(
      data.issues.filter(
        ({ assignee, status }) =>
          assignee?.id === data.me && status.name === "検収待ち",
      ).length,
    );
  });

  test("that are all in custom statuses", async () => {
    const data = largeData({
      projects: 2,
      issues: 30,
      customStatuses: true,
      customStatusIssues: 30,
      closedShare: 0,
    });
    const { keys } = await ask({}, { data });
    expect(keys).toEqual(toOpenKeys(data));
  });
});

describe("pages", () => {
  const data = () => largeData({ projects: 3, issues: 360, closedShare: 0.25 });

  test("of 100 are fetched as needed, each asked for by its count", async () => {
    const { text, keys, requests, next } = await ask(
      { limit: 210 },
      { data: data() },
    );
    expect(text).toStartWith("270 issues match; 1 to 210 are shown");
    expect(keys).toEqual(toOpenKeys(data()).slice(0, 210));
    const pages = requests.filter((request) => request.startsWith("/issues?"));
    const offsets = pages.map((page) => page.slice(page.indexOf("offset=")));
    // They are under way at once.
    expect(offsets.toSorted()).toEqual([
      "offset=0&count=100",
      "offset=100&count=100",
      "offset=200&count=100",
    ]);
    expect(next).toEqual({ limit: 210, offset: 210 });
  });

  test.each([
    { limit: 1, offset: 0, shown: "1 to 1 are shown" },
    { limit: 99, offset: 0, shown: "1 to 99 are shown" },
    { limit: 100, offset: 100, shown: "101 to 200 are shown" },
    { limit: 101, offset: 99, shown: "100 to 200 are shown" },
    { limit: 50, offset: 250, shown: "251 to 270 are shown" },
  ])("limit $limit from offset $offset: $shown", async (args) => {
    const { limit, offset, shown } = args;
    const { text, keys, next } = await ask({ limit, offset }, { data: data() });
    expect(text).toStartWith(`270 issues match; ${shown}, newest update first`);
    expect(keys).toEqual(toOpenKeys(data()).slice(offset, offset + limit));
    expect(next?.offset).toBe(
      offset + limit < 270 ? offset + limit : undefined,
    );
  });

  test("behind the last say so, and where to begin", async () => {
    const { text, keys, next } = await ask({ offset: 270 }, { data: data() });
    expect(text).toStartWith(
      "270 issues match, none from offset 270 on; begin with offset 0.\n",
    );
    expect([keys, next]).toEqual([[], undefined]);
  });

  test.each(["short", "long"] as const)(
    "followed by their next calls bring every issue once: %s titles",
    async (titles) => {
      const large = () =>
        largeData({ projects: 3, issues: 400, titles, customStatuses: true });
      const seen: string[] = [];
      let args: Record<string, unknown> | undefined = {
        limit: 120,
        sort: "updated",
        timezone: "Asia/Tokyo",
        created_until: "today",
        status_names: "not closed",
      };
      let calls = 0;
      while (args !== undefined && calls < 20) {
        const answer: Awaited<ReturnType<typeof ask>> = await ask(args, {
          data: large(),
        });
        seen.push(...answer.keys);
        args = answer.next;
        calls += 1;
      }
      expect(calls).toBeGreaterThan(2);
      expect(seen).toEqual(toOpenKeys(large()));
    },
  );

  test("the next call repeats every argument in its words, its days resolved", async () => {
    const { next } = await ask({
      project_keys: ["WEB", "OPS"],
      assignee_names: ["anyone"],
      status_names: ["In Progress", "Open"],
      issue_type_names: ["Bug", "タスク"],
      priority_names: ["High", "Normal"],
      created_since: "-3m",
      due_date_until: "+1m",
      keyword: "の",
      sort: "due_date",
      order: "desc",
      limit: 1,
      timezone: "Asia/Tokyo",
    });
    expect(next).toEqual({
      project_keys: ["WEB", "OPS"],
      status_names: ["In Progress", "Open"],
      assignee_names: ["anyone"],
      issue_type_names: ["Bug", "タスク"],
      priority_names: ["High", "Normal"],
      created_since: "2026-08-22",
      due_date_until: "2026-12-22",
      keyword: "の",
      sort: "due_date",
      order: "desc",
      limit: 1,
      timezone: "Asia/Tokyo",
      offset: 1,
    });
  });
});

describe("the budget of a list", () => {
  test.each([
    ["long titles", "long"],
    ["short titles", "short"],
  ] as const)(
    "is kept with %s, and the next offset counts the rows shown",
    async (_, titles) => {
      const data = largeData({ projects: 3, issues: 900, titles });
      const { text, keys, next } = await ask({ limit: 500 }, { data });
      const { characters, tokens } = sizeOf(text);
      expect(characters).toBeLessThan(40_000);
      expect(tokens).toBeLessThan(10_000);
      // Neither is most of it wasted.
      expect(Math.max(characters / 40_000, tokens / 10_000)).toBeGreaterThan(
        0.7,
      );
      expect(keys.length).toBeLessThan(500);
      expect(keys).toEqual(toOpenKeys(data).slice(0, keys.length));
      expect(next).toEqual({ limit: 500, offset: keys.length });
    },
  );

  test("is kept with filters of hundreds of IDs", async () => {
    const ids = Array.from({ length: 250 }, (_, index) => 1_000_000 + index);
    const { text } = await ask({ assignee_ids: ids, status_ids: [1, 2] });
    expect(text).toContain("ID 1000019 and 230 more; status ID 1, ID 2.");
  });
});

describe("the distance to a due date", () => {
  test.each([
    ["2026-11-22T03:00:00Z", "UTC", "2026-11-20 (2 days overdue)"],
    ["2026-11-21T03:00:00Z", "UTC", "2026-11-20 (1 day overdue)"],
    ["2026-11-20T14:59:59Z", "Asia/Tokyo", "2026-11-20 → today"],
    // Midnight in the asked zone, not in UTC.
    ["2026-11-20T15:00:00Z", "Asia/Tokyo", "2026-11-20 (1 day overdue)"],
    ["2026-11-21T04:59:59Z", "America/New_York", "2026-11-20 → today"],
    ["2026-11-21T05:00:00Z", "America/New_York", "2026-11-20 (1 day overdue)"],
  ])("in a list at %s in %s is %s", async (now, timezone, due) => {
    const { rows } = await ask({ timezone }, {}, { now: new Date(now) });
    expect(rows.find(({ Key }) => Key === "OPS-1")?.Due).toBe(due);
  });

  test("is not told of an issue that is closed", async () => {
    const { rows } = await ask({
      status_names: ["closed"],
      assignee_names: ["anyone"],
    });
    expect(rows.find(({ Key }) => Key === "WEB-10")?.Due).toBe("2026-09-30");
  });

  test.each([
    ["WEB-5", "2026-11-22T03:00:00Z", "UTC", "2026-11-25 (in 3 days)"],
    ["WEB-5", "2026-11-24T03:00:00Z", "UTC", "2026-11-25 (in 1 day)"],
    ["WEB-5", "2026-11-24T15:00:00Z", "Asia/Tokyo", "2026-11-25 (today)"],
    ["WEB-5", "2026-11-24T15:00:00Z", "UTC", "2026-11-25 (in 1 day)"],
    ["WEB-5", "2026-11-28T03:00:00Z", "UTC", "2026-11-25 (3 days overdue)"],
    ["WEB-2", "2026-11-28T03:00:00Z", "UTC", "2026-11-13"],
    ["WEB-7", "2026-11-28T03:00:00Z", "UTC", "none"],
  ])("of %s at %s in %s is %s", async (issue_key, now, timezone, due) => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space, { now: new Date(now) });
    const { text } = await server.details({ issue_key, timezone });
    expect(text).toContain(`\n- Due: ${due}\n`);
  });
});

describe("no issue found", () => {
  test("tells what the defaults hid", async () => {
    const { text } = await ask({ keyword: "証明書", project_keys: ["WEB"] });
    expect(text).toContain("1 issue matches");
    const none = await ask({ keyword: "Dark mode" });
    expect(none.text).toBe(
      `No issues match.
Filters: assignee Hana Mori (1073936937) by default; status not closed (Open, In Progress, Resolved) by default; keyword "Dark mode".
0 assigned to you and not closed; 0 with status_names ["any"]; 1 with assignee_names ["anyone"]; 1 with both.
Note: Backlog most likely looks for all words of keyword at once: try fewer words.
`,
    );
  });

  test("tells nothing more where no default applied", async () => {
    const { text, requests } = await ask({
      keyword: "nowhere",
      assignee_names: ["anyone"],
      status_names: ["any"],
    });
    expect(text).toBe(
      `No issues match.
Filters: assignee anyone; status any; keyword "nowhere".
`,
    );
    expect(requests).toHaveLength(2);
  });
});

describe("whichever way a fact is that Backlog leaves open", () => {
  /** Every issue in full, and three lists. */
  async function readAll(options: SampleSpaceOptions) {
    await using space = startSampleSpace(options);
    await using server = await connectInProcess(space);
    const texts: string[] = [];
    for (const issue_key of ["WEB-1", "WEB-3", "WEB-5", "WEB-12", "OPS-2"]) {
      texts.push((await server.details({ issue_key })).text);
    }
    const { text } = await server.details({ issue_key: "WEB-12" });
    const [, id] = /#comment-(\d+)/.exec(text) ?? [];
    const around = { issue_key: `WEB-12#comment-${id}` };
    texts.push((await server.details(around)).text);
    for (const args of [{}, { status_names: ["any"] }, { limit: 3 }]) {
      texts.push((await server.list(args)).text);
    }
    return texts.map((each) => each.replaceAll(space.host, "HOST"));
  }

  const SWITCHES: [string, Partial<Switches>][] = [
    ["minId and maxId are inclusive", { idsInclusive: true }],
    ["expand is ignored", { expand: "ignored" }],
    ["expand is refused", { expand: "refused" }],
    ["statuses of other projects are refused", { mixedStatuses: "refused" }],
    ["a project's parts are unreadable", { unreadableProjects: ["OPS"] }],
  ];

  test.each(SWITCHES)(
    "the answers are the same where %s",
    async (_, switches) => {
      expect(await readAll({ switches })).toEqual(await readAll({}));
    },
  );

  test("days of older data are the same days", async () => {
    const modern = await readAll({});
    const older = await readAll({ data: sampleData({ olderDates: true }) });
    expect(older).toEqual(modern);
  });

  test("without related issues only these are missing", async () => {
    const expected = await readAll({});
    const without = await readAll({ switches: { relatedIssues: false } });
    expect(without).toEqual(
      expected.map((text) =>
        text.replace(/- Related issues:\n( {2}- .*\n)+/, ""),
      ),
    );
  });

  test("Japanese names change nothing but the names", async () => {
    const english = await ask({});
    const japanese = await ask({}, { data: sampleData({ japanese: true }) });
    expect(japanese.keys).toEqual(english.keys);
    expect(japanese.text).toContain(
      "| WEB-9 | 検索結果が 0 件のときに一覧が崩れる | Bug | 未対応 | 高 |",
    );
    for (const status_names of [["Open"], ["未対応"]]) {
      for (const data of [sampleData(), sampleData({ japanese: true })]) {
        const { keys } = await ask({ status_names }, { data });
        expect(keys).toEqual(["WEB-8", "WEB-9", "MOBILE-1"]);
      }
    }
  });
});
