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

type Args = Record<string, unknown>;

/** A list that is no error, and the path and query of each request. */
async function ask(args: Args, options: SampleSpaceOptions = {}, now?: Date) {
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

test("the default list of 60 projects has the true total after five requests", async () => {
  const data = largeData({ projects: 60, issues: 2_400 });
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

describe("pages", () => {
  const data = largeData({ projects: 3, issues: 360, closedShare: 0.25 });

  test.each([
    [1, 0, "270 issues match; 1 to 1 are shown, newest update first."],
    [99, 0, "270 issues match; 1 to 99 are shown, newest update first."],
    [100, 100, "270 issues match; 101 to 200 are shown, newest update first."],
    [101, 99, "270 issues match; 100 to 200 are shown, newest update first."],
    [50, 250, "270 issues match; 251 to 270 are shown, newest update first."],
    [9, 270, "270 issues match, none from offset 270 on; begin with offset 0."],
    [0, 0, "270 issues match; limit 0 shows none of them."],
  ])("limit %d from offset %d: %s", async (limit, offset, total) => {
    const { text, keys, next } = await ask({ limit, offset }, { data });
    expect(text.split("\n", 1)).toEqual([total]);
    expect(keys).toEqual(toOpenKeys(data).slice(offset, offset + limit));
    const end = offset + limit;
    expect(next?.offset).toBe(0 < end && end < 270 ? end : undefined);
  });

  test("the next call repeats every argument in its words, its days resolved", async () => {
    const args = {
      project_keys: ["WEB", "OPS"],
      assignee_names: ["anyone"],
      status_names: ["In Progress", "Open"],
      issue_type_names: ["Bug", "タスク"],
      priority_names: ["High", "Normal"],
      keyword: "の",
      sort: "due_date",
      order: "desc",
      limit: 1,
      timezone: "Asia/Tokyo",
    };
    const days = { created_since: "-3m", due_date_until: "+1m" };
    const { text, next } = await ask({ ...args, ...days });
    expect(text).toContain("; days probably as Asia/Tokyo has them; keyword");
    const resolved = {
      created_since: "2026-08-22",
      due_date_until: "2026-12-22",
    };
    expect(next).toEqual({ ...args, ...resolved, offset: 1 });
  });

  test("it keeps the words for what is unset", async () => {
    const args = { assignee_names: ["nobody"], due_date_until: "none" };
    const { next } = await ask({ ...args, limit: 1 });
    expect(next).toEqual({ ...args, limit: 1, offset: 1 });
  });
});

describe("the budget of a list", () => {
  test.each(["long", "short"] as const)(
    "is kept with %s titles, and the next calls bring every issue once",
    async (titles) => {
      const data = largeData({ projects: 3, issues: 900, titles });
      const keys: string[] = [];
      let next: Args | undefined = { limit: 500 };
      while (next) {
        const answer = await readList(next, { data });
        const { characters, tokens } = sizeOf(answer.text);
        expect(characters).toBeLessThan(40_000);
        expect(tokens).toBeLessThan(10_000);
        const used = Math.max(characters / 40_000, tokens / 10_000);
        // Neither is most of it wasted.
        if (answer.next) expect(used).toBeGreaterThan(0.7);
        keys.push(...answer.keys);
        next = answer.next;
        if (next) expect(next).toEqual({ limit: 500, offset: keys.length });
      }
      expect(keys).toEqual(toOpenKeys(data));
    },
  );

  test("is kept with hundreds of IDs, in filters and in the next call", async () => {
    const ids = Array.from({ length: 250 }, (_, index) => 1_000_000 + index);
    const assignee_ids = [...ids, sampleData().me];
    const { text } = await ask({ assignee_ids, status_ids: [1, 2], limit: 1 });
    expect(text).toContain("\nNext: the same call with offset 1.\n");
    expect(text).toContain(
      "ID 1000019 and 231 more; status ID 1, In Progress (2).",
    );
    const some = ids.slice(0, 40).map((id) => id * 1e8);
    const many = { milestone_ids: some, parent_issue_ids: some };
    const keyword = "word".repeat(150);
    const fewer = await ask({ assignee_ids: some, ...many, keyword });
    expect(fewer.text).toContain(" and 32 more; status not closed");
  });

  test("is kept with a name that stands in many projects", async () => {
    const data = largeData({ projects: 25, issues: 50, customStatuses: true });
    const project_keys = data.projects.map(({ project }) => project.projectKey);
    const args = { status_names: ["検収待ち"], project_keys };
    const { text } = await ask(args, { data });
    expect(text).toMatch(/status 検収待ち \((\d+, ){19}\d+ and 5 more\); /);
  });
});

describe("the table", () => {
  const NAMESAKES = { assignee_names: ["suzuki1", "suzuki.i"] };
  test.each<[string, Args, string, string]>([
    ["creation, sorted by", { sort: "created" }, "Created", "2026-11-18 22:00"],
    ["or filtered by", { created_since: "-4d" }, "Created", "2026-11-18 22:00"],
    // The filters name the other one, who has none of these.
    ["namesakes", NAMESAKES, "Assignee", "鈴木 一郎 (suzuki1)"],
  ])("tells %s", async (_, args, column, expected) => {
    const keyword = column === "Assignee" ? "WebP" : "instructions";
    const { rows } = await ask({ ...args, keyword });
    expect(rows.map((row) => row[column])).toEqual([expected]);
  });

  test("says what all rows share once, but not a title or a time", async () => {
    const data = largeData({ projects: 1, issues: 2, closedShare: 0 });
    const [one, two] = data.issues;
    if (one && two) Object.assign(two, { ...one, id: 1, issueKey: "P1-2" });
    const { text, rows } = await ask({}, { data });
    expect(text).toContain(
      "\nAll: project P1, type Task, status In Progress, priority High, assignee Hana Mori, due none.\n",
    );
    expect(Object.keys(rows[0] ?? {})).toEqual(["Key", "Title", "Updated"]);
  });
});

describe("the distance to a due date", () => {
  const LATE = "2026-11-20 (1 day overdue)";
  test.each([
    ["OPS-1", "2026-11-22T03:00:00Z", "UTC", "2026-11-20 (2 days overdue)"],
    ["OPS-1", "2026-11-20T14:59:59Z", "Asia/Tokyo", "2026-11-20 (today)"],
    // Midnight in the asked zone, not in UTC.
    ["OPS-1", "2026-11-20T15:00:00Z", "Asia/Tokyo", LATE],
    ["OPS-1", "2026-11-21T04:59:59Z", "America/New_York", "2026-11-20 (today)"],
    ["WEB-5", "2026-11-22T03:00:00Z", "UTC", "2026-11-25"],
    // It is closed.
    ["WEB-10", "2026-11-22T03:00:00Z", "UTC", "2026-09-30"],
  ])("in a list: of %s at %s in %s is %s", async (key, now, timezone, due) => {
    const all = { status_names: ["any"], assignee_names: ["anyone"] };
    const args = { ...all, timezone };
    const { rows } = await ask(args, {}, new Date(now));
    expect(rows.find(({ Key }) => Key === key)?.Due).toBe(due);
  });

  test.each([
    ["WEB-5", "2026-11-24T15:00:00Z", "Asia/Tokyo", "2026-11-25 (today)"],
    ["WEB-2", "2026-11-28T03:00:00Z", "UTC", "2026-11-13"],
  ])(
    "alone: of %s at %s in %s is %s",
    async (issue_key, now, timezone, due) => {
      await using space = startSampleSpace();
      await using server = await connectInProcess(space, {
        now: new Date(now),
      });
      const { text } = await server.details({ issue_key, timezone });
      expect(text).toContain(`\n- Due: ${due}\n`);
    },
  );
});

test("a history's total is not told where it could not be counted", async () => {
  const data = largeData({ projects: 1, issues: 150 });
  const args = { history_since: "-1d", limit: 1 };
  const { text } = await ask(args, {
    data,
    answer: (_, path) =>
      /count$/.test(path) ? Response.json({}, { status: 503 }) : undefined,
  });
  expect(text).not.toContain("by Backlog's count");
  expect(text).toContain("Note: The total could not be counted: ");
});

test("the next call of a history repeats no order, which it has of its own", async () => {
  const args = { history_since: "2026-11-18", limit: 1 };
  const { next } = await ask({ ...args, sort: "created", order: "asc" });
  expect(next).toMatchObject({ ...args, offset: expect.any(Number) });
  expect(next).not.toContainAnyKeys(["sort", "order"]);
});

describe("no issue found", () => {
  test.each<[string, Args, string]>([
    [
      "tells what the defaults hid, and of several words",
      { keyword: "Dark mode" },
      `No issues match.
Filters: assignee Hana Mori (1073936937) by default; status not closed (Open, In Progress, Resolved) by default; keyword "Dark mode".
0 assigned to you and not closed; 0 with status_names ["any"]; 1 with assignee_names ["anyone"]; 1 with both.
Note: Backlog most likely looks for all words of keyword at once: try fewer words.
`,
    ],
    [
      "tells of the one default that applied",
      { keyword: "dark", status_names: ["any"] },
      `No issues match.
Filters: assignee Hana Mori (1073936937) by default; status any; keyword "dark".
0 assigned to you; 1 with assignee_names ["anyone"].
`,
    ],
    [
      "tells of the other",
      { keyword: "夜間バッチ", assignee_names: ["ken"] },
      `No issues match.
Filters: assignee 伊藤 健 (1073936940); status not closed (Open, In Progress, Resolved) by default; keyword "夜間バッチ".
0 not closed; 1 with status_names ["any"].
`,
    ],
    [
      "tells it where the total alone is asked for",
      { keyword: "badge", limit: 0 },
      `No issues match.
Filters: assignee Hana Mori (1073936937) by default; status not closed (Open, In Progress, Resolved) by default; keyword "badge".
0 assigned to you and not closed; 1 with status_names ["any"]; 0 with assignee_names ["anyone"]; 1 with both.
`,
    ],
    [
      "tells nothing more where no default applied",
      { keyword: "nowhere", assignee_names: ["anyone"], status_names: ["any"] },
      `No issues match.
Filters: assignee anyone; status any; keyword "nowhere".
`,
    ],
  ])("%s", async (_, args, expected) => {
    expect((await ask(args)).text).toBe(expected);
  });
});

describe("whichever way a fact is that Backlog leaves open", () => {
  /** Issues in full, and three lists. */
  async function readAll(options: SampleSpaceOptions = {}) {
    await using space = startSampleSpace(options);
    await using server = await connectInProcess(space);
    const issues = ["WEB-1", "WEB-3", "WEB-12#comment-1102837840", "OPS-2"];
    const lists = [{}, { status_names: ["any"] }, { limit: 3 }];
    const answers = await Promise.all([
      ...issues.map((issue_key) => server.details({ issue_key })),
      ...lists.map((args) => server.list(args)),
    ]);
    return answers.map(({ text }) => text.replaceAll(space.host, "HOST"));
  }

  const switches: Partial<Switches> = {
    expand: "ignored",
    mixedStatuses: "refused",
    unreadableProjects: ["OPS"],
  };
  test.each<[string, SampleSpaceOptions]>([
    ["three facts", { switches }],
    ["the form of older days", { data: sampleData({ olderDates: true }) }],
  ])("the answers are the same: %s", async (_, options) => {
    expect(await readAll(options)).toEqual(await readAll());
  });

  test("without related issues only these are missing", async () => {
    const without = (text: string) =>
      text.replace(/- Related issues:\n( {2}- .*\n)+/, "");
    const switches = { relatedIssues: false };
    expect(await readAll({ switches })).toEqual((await readAll()).map(without));
  });

  test("Japanese names change nothing but the names", async () => {
    const data = sampleData({ japanese: true });
    const japanese = await ask({}, { data });
    expect(japanese.keys).toEqual((await ask({})).keys);
    expect(japanese.text).toContain(
      "| WEB-9 | 検索結果が 0 件のときに一覧が崩れる | Bug | 未対応 | 高 |",
    );
  });
});
