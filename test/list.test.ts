import { describe, expect, test } from "bun:test";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import { type Switches, startSampleSpace } from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { sizeOf } from "../text.ts";
import { parseList, readIssue, readList } from "./helpers.ts";

type Args = Record<string, unknown>;

/** Keys of the user's issues that are not closed, newest update first. */
function toOpenKeys({ issues, me }: SpaceData): string[] {
  return issues
    .filter(({ assignee, status }) => assignee?.id === me && status.id !== 4)
    .sort((a, b) => (a.updated < b.updated ? 1 : -1))
    .map(({ issueKey }) => issueKey);
}

test("the default list of 60 projects has the true total after five requests", async () => {
  const data = largeData({ projects: 60, issues: 2_400 });
  const { text, keys, requests } = await readList({}, { data });
  expect(text).toStartWith("1680 issues match; 1 to 100 are shown, newest");
  expect(keys).toEqual(toOpenKeys(data).slice(0, 100));
  const asked = requests.map(({ path, query }) => `${path}?${query}`);
  expect(asked.sort()).toEqual([
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
    [50, 250, "270 issues match; 251 to 270 are shown, newest update first."],
    [1, 5, "270 issues match; number 6 is shown, newest update first."],
    [0, 0, "270 issues match; limit 0 shows none of them."],
    [9, 270, "270 issues match, none from offset 270 on; begin with offset 0."],
  ])("limit %d from offset %d: %s", async (limit, offset, total) => {
    const { text, keys, next } = await readList({ limit, offset }, { data });
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
    const { text, next } = await readList({ ...args, ...days });
    expect(text).toContain("; days probably as Asia/Tokyo has them; keyword");
    const resolved = {
      created_since: "2026-08-22",
      due_date_until: "2026-12-22",
    };
    expect(next).toEqual({ ...args, ...resolved, offset: 1 });
  });
});

describe("the budget of a list", () => {
  test.each([1, 7])(
    "is kept with titles %d times as long, and the next calls bring every issue once",
    async (times) => {
      const data = largeData({ projects: 3, issues: 900 });
      for (const issue of data.issues) {
        issue.summary = issue.summary.repeat(times);
      }
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
    const { text } = await readList({
      assignee_ids,
      status_ids: [1, 2],
      limit: 1,
    });
    expect(text).toContain("\nNext: the same call with offset 1.\n");
    expect(text).toContain(
      "ID 1000019 and 231 more; status ID 1, In Progress (2).",
    );
    const some = ids.slice(0, 40).map((id) => id * 1e8);
    const many = { milestone_ids: some, parent_issue_ids: some };
    const keyword = "word".repeat(150);
    const fewer = await readList({ assignee_ids: some, ...many, keyword });
    expect(fewer.text).toContain(" and 32 more; status not closed");
  });

  test("is kept with a name that stands in many projects", async () => {
    const data = largeData({ projects: 25, issues: 50, customStatuses: true });
    const project_keys = data.projects.map(({ project }) => project.projectKey);
    const args = { status_names: ["検収待ち"], project_keys };
    const { text } = await readList(args, { data });
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
    const { rows } = await readList({ ...args, keyword });
    expect(rows.map((row) => row[column])).toEqual([expected]);
  });

  test("says what all rows share once, but not a title or a time", async () => {
    const data = largeData({ projects: 1, issues: 2, closedShare: 0 });
    const [one, two] = data.issues;
    if (one && two) Object.assign(two, { ...one, id: 1, issueKey: "P1-2" });
    const { text, rows } = await readList({}, { data });
    expect(text).toContain(
      "\nIn every row below: project P1, type Task, status In Progress, priority High, assignee Hana Mori, due none.\n",
    );
    expect(Object.keys(rows[0] ?? {})).toEqual(["Key", "Title", "Updated"]);
  });
});

test.each([
  ["OPS-1", "2026-11-20T14:59:59Z", "2026-11-20 (today)"],
  // Midnight in the asked zone, not in UTC.
  ["OPS-1", "2026-11-20T15:00:00Z", "2026-11-20 (1 day overdue)"],
  // It is closed.
  ["WEB-10", "2026-11-22T03:00:00Z", "2026-09-30"],
])("a due date: of %s at %s it is %s", async (issue_key, now, due) => {
  await using space = startSampleSpace();
  await using server = await connectInProcess(space, { now: new Date(now) });
  const zone = { timezone: "Asia/Tokyo" };
  const alone = await server.details({ issue_key, ...zone });
  expect(alone.text).toContain(`\n- Due: ${due}\n`);
  const all = { status_names: ["any"], assignee_names: ["anyone"] };
  const { rows } = parseList((await server.list({ ...all, ...zone })).text);
  expect(rows.find(({ Key }) => Key === issue_key)?.Due).toBe(due);
});

describe("where no issue is found, it is told what defaults hid", () => {
  test.each<[string, Args, string]>([
    [
      "both, and of several words",
      { keyword: "Dark mode" },
      `0 assigned to you and not closed; 0 with status_names ["any"]; 1 with assignee_names ["anyone"]; 1 with both.
Note: Backlog most likely looks for all words of keyword at once: try fewer words.`,
    ],
    [
      "the one that applied",
      { keyword: "dark", status_names: ["any"] },
      '0 assigned to you; 1 with assignee_names ["anyone"].',
    ],
    [
      "the other",
      { keyword: "夜間バッチ", assignee_names: ["ken"] },
      '0 not closed; 1 with status_names ["any"].',
    ],
    [
      "where the total alone is asked for",
      { keyword: "badge", limit: 0 },
      '0 assigned to you and not closed; 1 with status_names ["any"]; 0 with assignee_names ["anyone"]; 1 with both.',
    ],
    [
      "nothing where none applied",
      { keyword: "nowhere", assignee_names: ["anyone"], status_names: ["any"] },
      "",
    ],
  ])("%s", async (_, args, expected) => {
    const { text } = await readList(args);
    const [none, filters, ...hidden] = text.trimEnd().split("\n");
    expect(none).toBe("No issues match.");
    expect(filters).toStartWith("Filters: assignee ");
    expect(hidden.join("\n")).toBe(expected);
  });
});

describe("whichever way a fact is that Backlog leaves open", () => {
  /** Issues in full, and three lists. */
  async function readAll(switches: Partial<Switches> = {}) {
    await using space = startSampleSpace({ switches });
    await using server = await connectInProcess(space);
    const issues = ["WEB-1", "WEB-3", "WEB-12#comment-1102837840", "OPS-2"];
    const lists = [{}, { status_names: ["any"] }, { limit: 3 }];
    const answers = await Promise.all([
      ...issues.map((issue_key) => server.details({ issue_key })),
      ...lists.map((args) => server.list(args)),
    ]);
    return answers.map(({ text }) => text.replaceAll(space.host, "HOST"));
  }

  const two = { expand: "ignored", mixedStatuses: "refused" } as const;
  test.each<[string, Partial<Switches>, missing: RegExp]>([
    ["three facts", { ...two, unreadableProjects: ["OPS"] }, /^$/],
    ["the form of older days", { olderDates: true }, /^$/],
    ["none related", { relatedIssues: false }, /- Related.*\n( {2}- .*\n)+/],
  ])("%s: the answers are the same", async (_, switches, missing) => {
    const usual = (await readAll()).map((text) => text.replace(missing, ""));
    expect(await readAll(switches)).toEqual(usual);
  });
});

describe("the sample company", () => {
  test("has as much to do in a later week as in that of its story", async () => {
    const week = { due_date_since: "this week", due_date_until: "this week" };
    const args = { ...week, assignee_names: ["anyone"] };
    const monday = new Date("2026-11-23T03:00:00Z");
    const { keys } = await readList(args, {}, { now: monday });
    const now = new Date("2027-11-22T03:00:00Z");
    const later = await readList(args, { data: sampleData({ now }) }, { now });
    expect(later.keys).toEqual(keys);
    expect(keys.length).toBeGreaterThan(3);
  });

  test("agrees with itself about who changed an issue last", async () => {
    const { text } = await readIssue("WEB-2");
    expect(text).toMatch(/^- Updated: 2026-11-13 07:30 by 伊藤 健$/m);
    expect(text).toMatch(/^### 2026-11-13 07:30 · #comment-\d+ · 伊藤 健$/m);
  });
});
