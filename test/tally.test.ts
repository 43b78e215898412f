import { describe, expect, test } from "bun:test";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import { FREE_PLAN } from "../sample-space/server.ts";
import { readList } from "./helpers.ts";

type Issue = SpaceData["issues"][number];

/** As the table should be, by counting what the space has. */
function count(
  issues: readonly Issue[],
  toGroups: (issue: Issue) => string[],
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const group of issues.flatMap(toGroups)) {
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
}

/** The table's last column by its first, but for the foot. */
async function tally(
  args: Record<string, unknown>,
  options: Parameters<typeof readList>[1] = {},
) {
  const answer = await readList(args, options);
  const lines = answer.rows.map((row) => Object.values(row));
  const pairs = lines.map((cells) => [cells[0], Number(cells.at(-1))] as const);
  const foot = pairs.pop();
  return { ...answer, groups: Object.fromEntries(pairs), foot, lines };
}

const names = (things: { name: string }[]) =>
  things.length > 0 ? things.map(({ name }) => name) : ["none"];
const isOpen = ({ status }: Issue) => status.id !== 4;

describe("count_by", () => {
  const { issues } = sampleData();
  test.each<[string, (issue: Issue) => string[]]>([
    ["project", ({ issueKey }) => [issueKey.replace(/-\d+$/, "")]],
    ["type", ({ issueType }) => [issueType.name]],
    ["priority", ({ priority }) => [priority?.name ?? "none"]],
    ["milestone", ({ milestone }) => names(milestone)],
    ["category", ({ category }) => names(category)],
  ])("%s: every group of all that are not closed", async (group, toGroups) => {
    const open = issues.filter(isOpen);
    const { text, groups, foot, cost } = await tally({ count_by: [group] });
    expect(groups).toEqual(count(open, toGroups));
    expect(foot?.[1]).toBe(open.length);
    expect(text).toStartWith(
      `Counted: ${open.length}, all that match, by ${group}.`,
    );
    expect(cost.pages).toBeLessThanOrEqual(2);
  });

  test("assignee: namesakes apart, nobody among them, largest first", async () => {
    const { lines, text } = await tally({ count_by: ["assignee"] });
    expect(lines.map((cells) => cells.join(" "))).toEqual([
      "Hana Mori 12",
      "nobody 4",
      "鈴木 一郎 (suzuki.i) 2",
      "Satō Ichirō 1",
      "伊藤 健 1",
      "佐藤 花子 1",
      "鈴木 一郎 (suzuki1) 1",
      "Sum 22",
    ]);
    expect(text).toContain("Filters: assignee anyone by default; ");
  });

  test("status: any by default, and two groups make a table with sums", async () => {
    const args = { count_by: ["project", "status"], created_since: "-3m" };
    const { rows, text } = await tally(args);
    expect(text).toContain("status any by default");
    const web = rows.find((row) => row["Project / Status"] === "WEB");
    expect(web).toMatchObject({ Open: "5", Closed: "2", 保留: "0", Sum: "14" });
    expect(rows.at(-1)).toMatchObject({ Open: "9", Closed: "3", Sum: "24" });
  });

  test("due: what is closed, late, soon and never due", async () => {
    const args = { count_by: ["due"], status_names: ["any"] };
    const { groups } = await tally(args);
    expect(groups).toMatchObject({ overdue: 6, today: 1, "next 7 days": 4 });
    expect(groups).toMatchObject({ none: 6, later: 5, closed: 5 });
  });

  test("groups that overlap end with the issues, each once", async () => {
    const { rows } = await tally({ count_by: ["milestone", "priority"] });
    expect(Object.keys(rows[0] ?? {}).at(-1)).toBe("Issues, each once");
    expect(Object.values(rows.at(-1) ?? {})[0]).toBe("Issues, each once");
  });

  test("null is none or nobody; missing or of a wrong form is ?", async () => {
    const few = sampleData().issues.slice(0, 4);
    const sent = few.map((issue, index) => ({
      ...issue,
      assignee: [null, undefined, "Hana", issue.assignee][index],
    }));
    const { groups } = await tally(
      { count_by: ["assignee"], status_names: ["any"] },
      {
        answer: (_, path) =>
          path === "/issues"
            ? Response.json(sent)
            : path === "/issues/count"
              ? Response.json({ count: 4 })
              : undefined,
      },
    );
    expect(groups).toMatchObject({ nobody: 1, "?": 2 });
  });

  test("more groups than fit are one row", async () => {
    const data = largeData({ projects: 2, issues: 2_000, closedShare: 0 });
    data.issues.forEach((issue, n) => {
      issue.issueType = {
        ...issue.issueType,
        name: `種別 ${n}`.padEnd(60, "類"),
      };
    });
    const { lines, foot } = await tally({ count_by: ["type"] }, { data });
    const [label, rest] = lines.at(-2) ?? [];
    expect(label).toMatch(/^\(\d+ smaller groups\)$/);
    expect(lines.length - 2 + Number(rest)).toBe(2_000);
    expect(foot).toEqual(["Sum", 2_000]);
  });

  test("limit, offset and sort beside it do not matter, and a note says so", async () => {
    const args = { count_by: ["due"], limit: 1, offset: 5, sort: "created" };
    const { foot, notes } = await tally(args);
    expect(foot).toEqual(["Sum", 22]);
    expect(notes).toEqual([
      "limit, offset and sort do not matter: count_by counts all.",
    ]);
  });

  test.each([
    [{ count_by: ["person", "Type"] }, "by assignee and type."],
    [{ count_by: "期限日" }, "by due."],
    [{ count_by: ["author"] }, '"author" is nothing to count by; use one or'],
    [{ count_by: ["due", "type", "status"] }, "use one or two"],
  ])("%j", async (args, expected) => {
    expect((await readList(args)).text).toContain(expected);
  });
});

describe("where not all can be counted", () => {
  test("the first line says so, no group stands as 0, a narrower call follows", async () => {
    const data = largeData({ projects: 3, issues: 3_500, closedShare: 0 });
    const [last] = data.issues
      .toSorted((a, b) => (a.created < b.created ? 1 : -1))
      .filter(({ projectId }) => projectId === data.projects[0]?.project.id);
    if (last) last.priority = { id: 9, name: "Lone" };
    const args = { count_by: ["project", "priority"] };
    const { text, rows, cost } = await tally(args, { data });
    expect(text).toStartWith(
      "Counted: 3,000 of 3,500, the oldest; not the whole. By project and priority:\nNarrower: get_user_issue_list {",
    );
    expect(Object.values(rows.at(-1) ?? {}).at(-1)).toBe("3000");
    expect(rows.flatMap((row) => Object.values(row))).not.toContain("0");
    expect(cost.pages).toBe(30);
  });

  test("a free plan's searches: two are left to others", async () => {
    const data = largeData({ projects: 2, issues: 2_500, closedShare: 0 });
    const args = { count_by: ["project"], status_names: ["any"] };
    const { text, requests, isError } = await tally(args, {
      data,
      rateLimit: FREE_PLAN,
    });
    expect(isError).toBe(false);
    expect(text).toMatch(/^Counted: 1,200 of 2,500, the oldest; not the whole/);
    expect(text).toContain("only 2 searches are left of them");
    expect(requests.every(({ status }) => status === 200)).toBe(true);
  });

  test("a sum that differs from Backlog's count is told", async () => {
    const { text, notes } = await tally(
      { count_by: ["project"], status_names: ["any"] },
      {
        answer: (_, path) =>
          path === "/issues/count" ? Response.json({ count: 40 }) : undefined,
      },
    );
    expect(text).toStartWith("Counted: 27 of 40, the oldest; not the whole.");
    expect(notes).toContain("Backlog counts 40, but its list ends at 27.");
  });
});
