import { describe, expect, test } from "bun:test";
import { largeData, sampleData } from "../sample-space/data.ts";
import { FREE_PLAN, type SampleSpaceOptions } from "../sample-space/server.ts";
import { readList } from "./helpers.ts";

type Args = Record<string, unknown>;

/** The table's lines, and all of them as one text. */
async function tally(
  count_by: string | string[],
  args: Args = {},
  options: SampleSpaceOptions = {},
) {
  const answer = await readList({ count_by, ...args }, options);
  const lines = answer.rows.map((row) => Object.values(row));
  const table = lines.map((cells) => cells.join(" ")).join(", ");
  return { ...answer, lines, table };
}

const OPEN = sampleData().issues.filter(({ status }) => status.id !== 4);
const ANY = { status_names: ["any"] };

/** A space that has just these. */
function sending(issues: readonly unknown[]): SampleSpaceOptions {
  const count = issues.length;
  return {
    answer: (_, path) =>
      path.startsWith("/issues")
        ? Response.json(path === "/issues" ? issues : { count })
        : undefined,
  };
}

describe("count_by", () => {
  test.each([
    ["project", "WEB 12, OPS 6, MOBILE 3, OLD_2019 1, Sum 22"],
    ["type", "Task 7, Bug 6, タスク 4, Request 3, バグ 1, 要望 1, Sum 22"],
    ["priority", "Normal 9, High 8, Low 4, none 1, Sum 22"],
    [
      "milestone",
      "none 10, Sprint 42 4, v1.2 3, v1.3 3, 2026年12月 2, Issues, each once 22",
    ],
    [
      "category",
      "none 13, Auth 3, Android 1, Checkout 1, Search 1, iOS 1, 監視 1, 証明書 1, Issues, each once 22",
    ],
    [
      "created_by",
      "伊藤 健 11, Hana Mori 5, legacy user 2, 佐藤 花子 2, 鈴木 一郎 (suzuki.i) 1, 鈴木 一郎 (suzuki1) 1, Sum 22",
    ],
    [
      "assignee",
      "Hana Mori 12, nobody 4, 鈴木 一郎 (suzuki.i) 2, Satō Ichirō 1, 伊藤 健 1, 佐藤 花子 1, 鈴木 一郎 (suzuki1) 1, Sum 22",
    ],
  ])("%s: all that are not closed, largest first", async (group, expected) => {
    const { text, table, cost, notes } = await tally(group);
    expect(table).toBe(expected);
    expect(text).toStartWith(`Counted: 22, all that match, by ${group}.`);
    expect(text).toContain("Filters: assignee anyone by default; ");
    expect(text).not.toContain("Narrower");
    expect(notes).toEqual([]);
    expect(cost.pages).toBeLessThanOrEqual(2);
  });

  test("due, as columns: as time goes by", async () => {
    const { text } = await tally("type,due");
    expect(text).toContain(
      "| Type / Due | overdue | today | next 7 days | later | none | Sum |",
    );
  });

  test("due: closed, late, soon, later, never, and not known", async () => {
    const days = ["2026-11-21", "2026-11-22", "2026-11-29", "2026-11-30"];
    const sent = OPEN.slice(0, 7).map((issue, index) => ({
      ...issue,
      dueDate: [...days.map((day) => `${day}T00:00:00Z`), null, 5][index],
      ...(index === 6 && { status: { id: 4, name: "Closed" } }),
    }));
    expect((await tally("due", ANY, sending(sent))).table).toBe(
      "? 1, closed 1, later 1, next 7 days 1, none 1, overdue 1, today 1, Sum 7",
    );
  });

  test("groups that overlap end with the issues, each once", async () => {
    const { rows } = await tally(["milestone", "priority"]);
    expect(Object.keys(rows[0] ?? {}).at(-1)).toBe("Issues, each once");
  });

  test.each([
    ["assignee", "nobody"],
    ["category", "none"],
  ])("%s: null is %s; missing or of a wrong form is ?", async (group, none) => {
    const sent = OPEN.slice(0, 4).map((issue, index) => ({
      ...issue,
      assignee: [null, undefined, "Hana"][index],
      category: [[], undefined, 5][index],
      summary: ["One", "Two", "Three"][index],
    }));
    const { text, table } = await tally(group, ANY, sending(sent));
    expect(table).toStartWith(`? 2, ${none} 1, `);
    expect(text).toContain("In no group: 1 that could not be read, or came");
  });

  test("more groups than fit are one row, more than ten across one column", async () => {
    const data = largeData({ projects: 2, issues: 2_000, closedShare: 0 });
    for (const [n, issue] of data.issues.entries()) {
      const name = `種別 ${n}`.padEnd(60, "類");
      issue.issueType = { ...issue.issueType, name };
    }
    const { lines, table } = await tally("type", {}, { data });
    const [label, rest] = lines.at(-2) ?? [];
    expect(label).toMatch(/^\(\d+ smaller groups\)$/);
    expect(lines.length - 2 + Number(rest)).toBe(2_000);
    expect(table).toEndWith(", Sum 2000");
    const { rows } = await tally(["project", "type"], {}, { data });
    expect(rows[0]).toMatchObject({ "(1991 smaller groups)": "995" });
  });

  test.each<[Args, string]>([
    [{ limit: 1, offset: 5, sort: "created" }, "| Sum | 22 |"],
    [{ keyword: "no where" }, "\n0 not closed; 0 with status_names"],
  ])("with %j", async (args, expected) => {
    expect((await tally("due", args)).text).toContain(expected);
  });
});

describe("where not all can be counted", () => {
  const plain = (issues: number) =>
    largeData({ projects: 3, issues, closedShare: 0 });

  test("the first line says so, no group stands as 0, a narrower call follows", async () => {
    const data = plain(3_500);
    const newest = data.issues.find(({ issueKey }) => issueKey === "P1-1");
    if (newest) newest.priority = { id: 9, name: "Lone" };
    const groups = ["project", "priority"];
    const { text, rows, cost } = await tally(groups, { limit: 5 }, { data });
    const [first, narrower, both] = text.split("\n");
    expect(first).toBe(
      "Counted: 3,000 of 3,500, the oldest; not the whole. By project and priority:",
    );
    const [last] = data.issues[499]?.created.split("T") ?? [];
    expect(narrower).toBe(
      `Narrower: get_user_issue_list {"count_by":["project","priority"],"created_since":"${last}"}`,
    );
    expect(both).toBe(
      `What is counted here of those created since ${last} is counted there, too.`,
    );
    expect(Object.values(rows.at(-1) ?? {}).at(-1)).toBe("3000");
    expect(rows.flatMap((row) => Object.values(row))).not.toContain("0");
    expect(cost.pages).toBe(30);
  });

  // Whose days Backlog counts is not documented.
  test.each([
    ["Asia/Tokyo", "2026-08-31T23:50:00Z", "2026-08-31"],
    ["America/Los_Angeles", "2026-09-01T03:00:00Z", "2026-08-31"],
    ["Middle-earth", "2026-09-01T03:00:00Z", "2026-08-31"],
    ["Asia/Tokyo", "2026-09-01T03:00:00Z", "2026-09-01"],
  ])(
    "in a space of %s, what was counted up to %s goes on from %s",
    async (timezone, created, day) => {
      const data = plain(3_001);
      // The last that is counted.
      Object.assign(data.issues[1] ?? {}, { created });
      const answer = (_: Request, path: string) =>
        path === "/space" ? Response.json({ timezone }) : undefined;
      const { text } = await tally("project", {}, { data, answer });
      expect(text).toContain(`"created_since":"${day}"}`);
    },
  );

  test("more of one day than can be counted lead to no call again and again", async () => {
    const data = plain(3_001);
    for (const issue of data.issues) issue.created = "2026-09-01T03:00:00Z";
    const args = { created_since: "2026-09-01" };
    const { text } = await tally("project", args, { data });
    expect(text).toStartWith("Counted: 3,000 of 3,001, the oldest; not");
    expect(text).toContain("\nToo many were created on 2026-09-01: narrow by");
    expect(text).not.toContain("Narrower");
  });

  test.each<[string, Args, SampleSpaceOptions]>([
    ["asked for", {}, {}],
    [
      "read one by one",
      { due_date_until: "none" },
      { switches: { noDueDate: "ignored" } },
    ],
  ])(
    "a free plan's searches: two are left to others, %s",
    async (_, args, options) => {
      const limited = { data: plain(2_500), rateLimit: FREE_PLAN };
      const { text, cost, isError } = await tally(
        "project",
        { ...ANY, ...args },
        { ...options, ...limited },
      );
      expect(isError).toBe(false);
      expect(text).toContain("the oldest; not the whole");
      expect(text).toContain("in a minute 2 are left");
      expect(cost.pages + cost.counts).toBe(13);
    },
  );

  test("a sum that differs from Backlog's count is told", async () => {
    const { text, notes } = await tally("project", ANY, {
      answer: (_, path) =>
        path === "/issues/count" ? Response.json({ count: 40 }) : undefined,
    });
    expect(text).toStartWith("Counted: 27 of 40, the oldest; not the whole.");
    expect(notes).toContain("Backlog counts 40, but its list ends at 27.");
    expect(text).not.toContain("Narrower");
  });
});
