import { describe, expect, test } from "bun:test";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { find } from "../sample-space/space.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { toDepth } from "../scripts/questions.ts";
import { readList } from "./helpers.ts";

const WEB = { project_keys: ["WEB"] };
const ANYONE = { assignee_names: ["anyone"] };
const EVERYTHING = { ...ANYONE, status_names: ["any"] };
const HANA = "Hana Mori (1073936937)";
const KEN = "伊藤 健 (1073936940)";
const HANAKO = "佐藤 花子 (1073936941)";

/** The sample space, changed by the test. */
function changed(change: (data: SpaceData) => void): SpaceData {
  const data = sampleData();
  change(data);
  return data;
}

function project({ projects }: SpaceData, projectKey: string) {
  return find(projects, { project: { projectKey } });
}

/** A copy of the first entry under another name. */
function addNamed<Entry extends { id: number; name: string }>(
  list: Entry[],
  id: number,
  name: string,
): void {
  const [first] = list;
  if (first) list.push({ ...first, id, name });
}

/** Where the word is one of a project: that project is named, too. */
function inProject(key: string, argument: string, word: string) {
  const scope = argument === "project_keys" ? {} : { project_keys: [key] };
  return { ...scope, [argument]: [word] };
}

/** What a refused call says, which has asked for no issues. */
async function refusalOf(
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
): Promise<string> {
  const { text, isError, query } = await readList(args, options);
  expect({ isError, query }).toEqual({ isError: true, query: "" });
  expect(text).not.toContain("corp.example");
  expect(text.length).toBeLessThan(2_000);
  return text;
}

describe("a word filter finds what is meant", () => {
  const OWN = "project WEB (1073835211)";
  test.each<[argument: string, expected: string, ...words: string[]]>([
    ["project_keys", OWN, "ｗｅｂ", "1073835211", "http://HOST/projects/WEB"],
    ["project_keys", OWN, "HOST/find/WEB?a=1", "http://HOST/view/WEB-12#x"],
    ["project_keys", "project MOBILE (1073845000)", "Mobile app"],
    ["status_names", "status 検収待ち (315422)", "検収", "315422"],
    ["status_names", "status Closed (4)", "4"],
    ["status_names", "status In Progress (2)", "InProgress"],
    ["milestone_names", "milestone Sprint 42 (1073352112)", "spr"],
    ["issue_type_names", "type Bug (1074352110)", "ｂＵＧ"],
    ["category_names", "category Auth (1075352110)", "Auth"],
    ["priority_names", "priority Low (4)", "低"],
    ["parent_issue_keys", "parent WEB-1 (10788352", "ｗｅｂ－１", "1078835216"],
    ["created_user_names", "created by legacy user (1073751781)", "leg"],
    ["created_user_names", `created by ${HANA}`, "me"],
    ["created_user_names", "created by anyone", "anyone"],
    // Whom people mean without thinking.
    ["assignee_names", `assignee ${HANA}`, "ＭＥ", "@me", "私", "Mori-san"],
    ["assignee_names", "assignee anyone", "any", "全員"],
    ["assignee_names", "鈴木 一郎 (1073936944)", "suzuki.i@corp.example"],
    ["assignee_names", "鈴木 一郎 (1073936943)", "ichirosuzuki"],
    ["assignee_names", KEN, "@ken", "伊藤さん", "伊藤 健 様", "健くん"],
    ["assignee_names", HANAKO, "花子ちゃん", "佐藤氏", "佐藤花子殿"],
    // A word of a name, its beginning, and the order that others write.
    ["assignee_names", HANA, "mori"],
    ["assignee_names", KEN, "健"],
    ["assignee_names", HANAKO, "花子 佐藤"],
    ["assignee_names", "Satō Ichirō (1073936942)", "Ichirō S"],
  ])("%s: %s by %s", async (argument, expected, ...words) => {
    for (const word of words) {
      const { filters } = await readList(inProject("WEB", argument, word));
      expect(filters.join("; "), word).toContain(expected);
    }
  });

  test.each([
    ["未", "status 未対応 (1)"],
    ["Resolved", "status 処理済み (3)"],
  ])("in a Japanese space, status %s is %s", async (word, expected) => {
    const data = sampleData({ japanese: true });
    const args = inProject("OPS", "status_names", word);
    expect((await readList(args, { data })).filters).toContain(expected);
  });

  test.each([
    ["Open", 1],
    ["in progress", 2],
    ["処理済み", 3],
    ["完了", 4],
  ])("status %s is %d in either language, unasked", async (word, id) => {
    for (const japanese of [false, true]) {
      const { query, paths } = await readList(
        { ...ANYONE, status_names: [word] },
        { data: sampleData({ japanese }) },
      );
      expect(query).toStartWith(`statusId[]=${id}&sort`);
      expect(paths).toEqual(["/issues", "/issues/count"]);
    }
  });

  test("a name that ends like a title is tried as it is first", async () => {
    const data = changed(({ users: [, ken, hanako] }) => {
      if (ken) ken.name = "桜";
      if (hanako) hanako.name = "桜様";
    });
    const args = { ...WEB, assignee_names: ["桜様"] };
    const { filters } = await readList(args, { data });
    expect(filters).toContain("assignee 桜様 (1073936941)");
  });

  test("a key is a key, even where another project has its name", async () => {
    const data = changed((space) => {
      project(space, "MOBILE").project.name = "Web";
    });
    const { filters } = await readList({ project_keys: ["web"] }, { data });
    expect(filters).toContain("project WEB (1073835211)");
  });
});

describe("a word that fits several names, or none, is refused with what there is", () => {
  const SITES = "OPS (運用), OLD_2019 (Old site, archived). Give the whole ";
  const VERSIONS = "v1.2 (until 2026-10-30), v1.3 (until 2026-12-18)";
  const PAIR =
    "鈴木 一郎 (suzuki1, ID 1073936943), 鈴木 一郎 (suzuki.i, ID 1073936944)";
  const PEOPLE = `"鈴木" fits 2 members in WEB: ${PAIR}. Give the login`;
  const PROJECTS =
    "Projects: WEB (Web application), OPS (運用), MOBILE (Mobile app), OLD_2019 (Old site, archived).";
  const STATUSES =
    "Statuses: Open, In Progress, 検収待ち, Resolved, Waiting for release, Closed. Also: any, not closed (the default).";
  const MILESTONES =
    "Milestones: v1.2 (until 2026-10-30), v1.3 (until 2026-12-18), Sprint 42 (2026-11-09 to 2026-11-27).";
  const MEMBERS =
    "Members: Hana Mori (hana, ID 1073936937), 伊藤 健 (ken, ID 1073936940), 佐藤 花子 (hanako, ID 1073936941), Satō Ichirō (ichiro.sato, ID 1073936942), 鈴木 一郎 (suzuki1, ID 1073936943), 鈴木 一郎 (suzuki.i, ID 1073936944), legacy user (ID 1073751781).";
  test.each([
    ["project_keys", "O", `"O" fits 2 projects: ${SITES}name.`],
    ["milestone_names", "ｖ1", `"ｖ1" fits 2 milestones in WEB: ${VERSIONS}.`],
    ["assignee_names", "鈴木", `${PEOPLE}, or the ID in assignee_ids.`],
    ["created_user_names", "鈴木", `${PEOPLE} or the ID.`],
    ["project_keys", "SHOP", `No project "SHOP". ${PROJECTS}`],
    ["status_names", "Done", `No status "Done" in WEB. ${STATUSES}`],
    ["milestone_names", "v2", `No milestone "v2" in WEB. ${MILESTONES}`],
    ["assignee_names", "山田", `No person "山田" in WEB. ${MEMBERS}`],
    // What is only nearly a name is not guessed.
    ["priority_names", "高い", "Priorities: High, Normal, Low."],
    ["issue_type_names", "bugs", "Issue types: Bug, Task, Request."],
    ["assignee_names", "子", "Members: "],
    ["assignee_names", "さん", 'No person "さん"'],
    ["assignee_names", "nobody-san", 'No person "nobody"'],
    // The nearest come first.
    ["category_names", "Serch", "Categories: Search, Auth, Checkout."],
    ["assignee_names", "kenn", "Members: 伊藤 健 (ken, ID 1073936940), "],
    ["project_keys", "MOBIEL", "Projects: MOBILE (Mobile app), "],
    // Backlog itself is asked for an issue.
    ["parent_issue_keys", "WEB-999", "Check the IDs and keys among the arg"],
  ])("%s %s: %s", async (argument, word, expected) => {
    const text = await refusalOf(inProject("WEB", argument, word));
    expect(text).toContain(expected);
  });

  test("at most 30 choices are listed, long names cut, the rest counted", async () => {
    const long = `Area ${"of the whole thing ".repeat(10)}`.trim();
    const data = changed((space) => {
      const { categories } = project(space, "WEB");
      addNamed(categories, 1, long);
      for (let n = 2; n <= 44; n += 1) addNamed(categories, n, `Area ${n}`);
    });
    const refusal = (word: string) =>
      refusalOf({ ...WEB, category_names: [word] }, { data });
    const [, choices = ""] = (await refusal("Aria 44")).split("Categories: ");
    expect(choices).toMatch(/^Area 44, .* and 17 more\.$/);
    expect(choices.split(", ")).toHaveLength(30);
    expect(await refusal(`${long}!`)).toContain(
      `Categories: ${long.slice(0, 100)}… (100 of ${long.length} characters), `,
    );
  });

  test("every word at fault is told in one answer, a project's alone", async () => {
    const words = { category_names: ["Billing"], status_names: ["Done"] };
    const text = await refusalOf({ ...WEB, ...words });
    expect(text).toMatch(/^No status "Done" .*\nNo category "Billing" .*$/);
    expect(await refusalOf({ ...words, project_keys: ["SHOP"] })).toBe(
      `No project "SHOP". ${PROJECTS}`,
    );
  });

  test("an error of many words counts what it leaves out", async () => {
    const CATEGORIES = "Auth, Checkout, Search.";
    const words = Array.from({ length: 40 }, (_, n) => `missing ${n}`);
    const text = await refusalOf({ ...WEB, category_names: words });
    const lines = words.map(
      (word) => `No category "${word}" in WEB. Categories: ${CATEGORIES}`,
    );
    const left = lines.join("\n").length - 1_800;
    expect(text).toEndWith(` (${left} characters more)`);
  });

  const OTHER =
    "is an address of other.backlog.com, but this server reads HOST";
  test.each([
    ["priority_names", "urgent", "Priorities: High, Normal, Low."],
    ["parent_issue_keys", "FOO", 'parent_issue_keys "FOO" is no issue key'],
    ["parent_issue_keys", "https://other.backlog.com/view/W-1", OTHER],
    ["project_keys", "https://other.backlog.com/projects/WEB", OTHER],
    ["project_keys", "other.backlog.com/projects/WEB", OTHER],
    ["project_keys", "http://HOST/files", 'project_keys: the address "http'],
  ])("%s %s: before any request", async (argument, word, expected) => {
    const args = { [argument]: [word], status_names: ["検収"] };
    const { isError, text, paths } = await readList(args);
    expect([isError, paths]).toEqual([true, []]);
    expect(text).toContain(expected);
  });
});

describe("the built-in words", () => {
  test.each([
    ["any", "status any", 27],
    ["すべて", "status any", 27],
    ["not_closed", "status not closed (every status but Closed)", 22],
    ["未完了", "status not closed (every status but Closed)", 22],
    ["closed", "status Closed (4)", 5],
    ["not closed, closed", "status any", 27],
    ["Open", "status Open (1)", 10],
  ])("status %s is %s: %d issues", async (status_names, filter, count) => {
    const { total, filters } = await readList({ ...ANYONE, status_names });
    expect(filters[1]).toStartWith(filter);
    expect(total).toBe(count);
  });

  test.each([
    ["Closed", "status Closed (9001)"],
    ["not closed", 'status "not closed" (9003)'],
    ["closed", "status Closed (4)"],
    ["ANY", "status any"],
  ])("a custom status of this very name wins: %s", async (word, expected) => {
    const data = changed((space) => {
      const { statuses } = project(space, "WEB");
      addNamed(statuses, 9001, "Closed");
      addNamed(statuses, 9002, "any");
      addNamed(statuses, 9003, "not closed");
    });
    const args = { ...ANYONE, ...WEB, status_names: [word] };
    expect((await readList(args, { data })).filters).toContain(expected);
  });
});

describe("words and IDs", () => {
  test.each([
    ["project_keys", "WEB", "project_ids", 1073840000, "projectId[]"],
    ["assignee_names", "me", "assignee_ids", 1, "assigneeId[]"],
    ["status_names", "検収待ち", "status_ids", 325000, "statusId[]"],
    ["milestone_names", "v1.3", "milestone_ids", 1073352112, "milestoneId[]"],
    ["parent_issue_keys", "WEB-1", "parent_issue_ids", 77, "parentIssueId[]"],
  ])(
    "of %s %s and %s %d either matches",
    async (words, word, ids, id, name) => {
      const toSent = async (args: object) => {
        const { query } = await readList({ ...EVERYTHING, ...WEB, ...args });
        return query.split("&").filter((part) => part.startsWith(name));
      };
      const sent = await toSent({ [words]: [word], [ids]: [id] });
      expect(sent).toHaveLength(2);
      expect(sent).toContain(`${name}=${id}`);
      // A word among the IDs counts as a word.
      expect(await toSent({ [words]: [], [ids]: [id, word] })).toEqual(sent);
    },
  );

  test("what is named twice is told once", async () => {
    const { filters, query } = await readList({
      assignee_names: ["me", "hana"],
      project_keys: ["WEB", "Web application"],
      project_ids: [1073835211],
      issue_type_names: ["Bug", "bug"],
      status_names: ["検収待ち", "検収"],
      status_ids: [315422],
    });
    expect(filters).toEqual([
      "assignee Hana Mori (1073936937)",
      "status 検収待ち (315422)",
      "project WEB (1073835211)",
      "type Bug (1074352110)",
    ]);
    expect(query).toStartWith(
      "assigneeId[]=1073936937&statusId[]=315422&projectId[]=1073835211&issueTypeId[]=1074352110&sort=",
    );
  });

  test("equal names in several projects are one choice and mean all of them", async () => {
    const args = { ...EVERYTHING, milestone_names: ["v1.2"] };
    const { filters, keys } = await readList(args);
    expect(filters).toContain("milestone v1.2 (1073352110, 1073450000)");
    expect(keys.toSorted()).toEqual(["MOBILE-1", "MOBILE-2", "WEB-13"]);
  });
});

describe("without a project", () => {
  const args = { ...ANYONE, status_names: ["検収待ち"] };

  test("30 projects are searched", async () => {
    const data = largeData({ projects: 30, issues: 60, customStatuses: true });
    const { isError, cost } = await readList(args, { data });
    expect([isError, cost.statuses]).toEqual([false, 30]);
  });

  test("one is called by its key where it has no such word", async () => {
    const data = largeData({ projects: 1, issues: 1 });
    expect(await refusalOf(args, { data })).toStartWith(
      'No status "検収待ち" in P1. Statuses: ',
    );
  });

  test("31 are not: the error says to name one, lists keys and counts the rest", async () => {
    const data = largeData({ projects: 31, issues: 31, customStatuses: true });
    const several = { ...args, milestone_names: ["v1"] };
    const { isError, text, paths } = await readList(several, { data });
    expect([isError, paths]).toEqual([true, ["/projects"]]);
    expect(text.match(/ is looked up in /g)).toHaveLength(1);
    expect(text).toStartWith(
      "status_names is looked up in projects, and this key sees 31: name one or more in project_keys, or give IDs. Projects: P1, P2, ",
    );
    expect(text).toEndWith(", P30 and 1 more.");
    // Whose history is asked for has names alone.
    const { text: others } = await readList(
      { history_by_names: ["x"] },
      { data },
    );
    expect(others).toContain(
      ": name one or more in project_keys. Projects: P1",
    );
  });

  test("archived projects are not searched, but can be named", async () => {
    const bugs = { ...EVERYTHING, issue_type_names: ["Bug"] };
    const all = await readList(bugs);
    const named = await readList({ ...bugs, project_keys: ["old"] });
    expect(all.keys).not.toContain("OLD_2019-2");
    expect(named.keys).toEqual(["OLD_2019-2"]);
    expect(named.notes).toEqual(["Archived projects: OLD_2019."]);
    expect(all.notes).toEqual([]);
    expect(await refusalOf({ assignee_names: ["x"] })).toStartWith(
      'No person "x" in any of 3 projects that are not archived. Members: ',
    );
  });

  const BY_ROW = "| 鈴木 一郎 (suzuki1) |";
  const BY_ENTRY = " · 鈴木 一郎 (suzuki1) · ";
  test.each([
    ["assignee_names", {}, BY_ROW],
    ["created_user_names", { count_by: "created_by" }, BY_ROW],
    ["history_by_names", { history_since: "2026-10-01" }, BY_ENTRY],
  ])("one of two people of the same name is told apart: %s", async (...row) => {
    const [by, args, expected] = row;
    const asked = { ...EVERYTHING, [by]: ["suzuki1"], ...args };
    const { text } = await readList(asked);
    expect(text).toContain(expected);
    expect(text).not.toContain("(suzuki.i)");
  });

  test("what one project does not let read is told once, the rest is used", async () => {
    const options = { switches: { unreadableProjects: ["WEB"] } };
    const { notes, keys } = await readList(args, options);
    expect(keys).toEqual(["OPS-3"]);
    expect(notes).toEqual([
      'The statuses of WEB could not be read: Backlog refused GET /projects/1073835211/statuses (403, "You do not have permission."). The owner of this API key may not read it; retrying will not help.',
    ]);
    const people = { assignee_names: ["hana"], created_user_names: ["hana"] };
    const members = await readList(people, options);
    expect(members.notes).toHaveLength(1);
    expect(members.notes[0]).toStartWith("The members of WEB could not be ");
  });

  test("a named project whose statuses cannot be read still knows the standard ones", async () => {
    const options = { switches: { unreadableProjects: ["WEB"] } };
    const standard = { ...ANYONE, ...WEB, status_names: ["処理中"] };
    const { keys, notes } = await readList(standard, options);
    expect(keys.toSorted()).toEqual(["WEB-1", "WEB-12", "WEB-3"]);
    expect(notes[0]).toStartWith("The statuses of WEB could not be read: ");
    expect(await refusalOf({ ...args, ...WEB }, options)).toContain("(403,");
  });
});

describe("looking up costs as little as possible", () => {
  const args = { ...WEB, status_names: ["検収待ち", "Waiting for release"] };

  test("three requests, all at once", async () => {
    const { paths, requests } = await readList(args, { latencyMs: 40 });
    expect(paths.slice(0, 3).toSorted().join(" ")).toBe(
      "/projects /projects/WEB/statuses /users/myself",
    );
    expect(paths.slice(3).toSorted()).toEqual(["/issues", "/issues/count"]);
    expect(toDepth(requests.slice(0, 3))).toBe(1);
  });

  test("priorities cost none, nor does a USER_ID that is a number", async () => {
    const named = { status_ids: [4], priority_names: ["高", "Low"] };
    const mine = { ...named, assignee_names: ["me"] };
    const server = { userId: "1073936940" };
    const { paths, filters } = await readList(mine, {}, server);
    expect(paths).toEqual(["/issues", "/issues/count"]);
    expect(filters).toContain("assignee you (1073936940)");
  });

  test.each([
    {
      project_keys: ["WEB", "Web application", "web"],
      project_ids: [1073835211],
      assignee_names: ["ken", "me", "hanako"],
      created_user_names: ["ken", "me"],
      status_names: ["検収待ち", "Open", "any"],
      milestone_names: ["v1.2", "v1.3"],
      parent_issue_keys: ["WEB-1", "web-1", "WEB-2"],
    },
    {
      assignee_names: ["ken"],
      created_user_names: ["hanako"],
      milestone_names: ["v1.2"],
      status_names: ["検収待ち", "保留"],
    },
  ])("nothing is asked twice: %j", async (words) => {
    const { paths, isError } = await readList(words);
    expect(isError).toBe(false);
    const asked = paths.filter((path) => !path.startsWith("/issues/count"));
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("nothing is kept for the next call", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    await server.list(args);
    const first = space.requests.splice(0).map(({ path }) => path);
    await server.list(args);
    const second = space.requests.map(({ path }) => path);
    expect(second.toSorted()).toEqual(first.toSorted());
  });
});
