import { describe, expect, test } from "bun:test";
import type { Limits } from "../backlog.ts";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";

type Options = SampleSpaceOptions & {
  userId?: string;
  limits?: Partial<Limits>;
};

/** One list call: what it answers, and what it asked of the space. */
async function ask(args: Record<string, unknown>, options: Options = {}) {
  const { userId, limits, ...spaceOptions } = options;
  await using space = startSampleSpace(spaceOptions);
  await using connected = await connectInProcess(space, {
    ...(userId !== undefined && { userId }),
    ...(limits && { limits }),
  });
  const given = JSON.stringify(args).replaceAll("HOST", space.host);
  const answer = await connected.list(JSON.parse(given));
  const text = answer.text.replaceAll(space.host, "HOST");
  const { isError } = answer;
  const { requests, peak } = space;
  return {
    text,
    isError,
    peak,
    requests,
    paths: requests.map(({ path }) => path),
    queries: requests
      .filter(({ path }) => path === "/issues")
      .map(({ query }) => query),
    filters: /^Filters: (.*)\.$/m.exec(text)?.[1]?.split("; ") ?? [],
    keys: [...text.matchAll(/^\| ([A-Z0-9_]+-\d+) \|/gm)].map(
      ([, key]) => key ?? "",
    ),
  };
}

const ANYONE = { assignee_names: ["anyone"] };
const EVERYTHING = { ...ANYONE, status_names: ["any"] };
const isLookup = (path: string) => !/^\/issues(\/count)?$/.test(path);

/** The sample space, changed by the test. */
function changed(
  change: (data: SpaceData) => void,
  options: { japanese?: boolean } = {},
): SpaceData {
  const data = sampleData(options);
  change(data);
  return data;
}

function project(data: SpaceData, key: string) {
  const found = data.projects.find(({ project }) => project.projectKey === key);
  if (!found) throw new Error(`No ${key} in the sample data.`);
  return found;
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

describe("a word filter finds what is meant", () => {
  test.each([
    ["project_keys", "ｗｅｂ", "project WEB (1073835211)"],
    ["project_keys", "Mobile app", "project MOBILE (1073845000)"],
    ["assignee_names", "ｈａｎａ　ＭＯＲＩ", "assignee Hana Mori (1073936937)"],
    ["assignee_names", "佐藤", "assignee 佐藤 花子 (1073936941)"],
    ["assignee_names", "伊藤健", "assignee 伊藤 健 (1073936940)"],
    ["assignee_names", "Ken", "assignee 伊藤 健 (1073936940)"],
    [
      "assignee_names",
      "suzuki.i@corp.example",
      "assignee 鈴木 一郎 (1073936944)",
    ],
    ["assignee_names", "ichirosuzuki", "assignee 鈴木 一郎 (1073936943)"],
    ["created_user_names", "leg", "created by legacy user (1073751781)"],
    // As a list of choices shows it.
    ["created_user_names", "1073751781", "created by legacy user (1073751781)"],
    ["status_names", "検収", "status 検収待ち (315422)"],
    ["milestone_names", "spr", "milestone Sprint 42 (1073352112)"],
    ["issue_type_names", "ｂＵＧ", "type Bug (1074352110)"],
    ["category_names", "Auth", "category Auth (1075352110)"],
    ["priority_names", "低", "priority Low (4)"],
    ["parent_issue_keys", "ｗｅｂ－１", "parent WEB-1 (1078835216)"],
    ["parent_issue_keys", "1078835216", "parent WEB-1 (1078835216)"],
  ])("%s: %s", async (argument, word, expected) => {
    const scope = argument === "project_keys" ? {} : { project_keys: ["WEB"] };
    const { text, filters } = await ask({ ...scope, [argument]: [word] });
    expect(
      filters.map((filter) => filter.replace(" by default", "")),
    ).toContain(expected);
    expect(text).not.toContain("corp.example");
  });

  test.each([
    ["project_keys", "運用", "project OPS (1073840000)"],
    ["status_names", "保留", "status 保留 (325001)"],
    ["status_names", "未", "status 未対応 (1)"],
    ["status_names", "Resolved", "status 処理済み (3)"],
    ["milestone_names", "２０２６年", "milestone 2026年12月 (1073400000)"],
    ["issue_type_names", "ﾊﾞｸﾞ", "type バグ (1074400000)"],
    ["category_names", "監", "category 監視 (1075400000)"],
    ["priority_names", "高", "priority High (2)"],
    ["parent_issue_keys", "「ＯＰＳ-1」", "parent OPS-1 (1078840005)"],
  ])(
    "in a space that answers in Japanese, %s: %s",
    async (argument, word, expected) => {
      const scope =
        argument === "project_keys" ? {} : { project_keys: ["OPS"] };
      const { filters } = await ask(
        { ...scope, [argument]: [word] },
        { data: sampleData({ japanese: true }) },
      );
      expect(filters).toContain(expected);
    },
  );

  test.each([
    ["Open", 1],
    ["in progress", 2],
    ["ＲＥＳＯＬＶＥＤ", 3],
    ["Closed", 4],
    ["未対応", 1],
    ["処理中", 2],
    ["処理済み", 3],
    ["完了", 4],
  ])(
    "status_names %s is status %d in either language, without a request",
    async (word, id) => {
      for (const japanese of [false, true]) {
        const { queries, paths } = await ask(
          { ...ANYONE, status_names: [word] },
          { data: sampleData({ japanese }) },
        );
        expect(queries[0]).toStartWith(`statusId[]=${id}&sort`);
        expect(paths.filter(isLookup)).toEqual([]);
      }
    },
  );
});

describe("a word that fits several names is refused with these names", () => {
  const data = () =>
    changed((space) =>
      addNamed(project(space, "WEB").statuses, 9003, "検収済み"),
    );
  test.each([
    [
      "project_keys",
      "O",
      `"O" is not one project, but 2. It fits: OPS (運用), OLD_2019 (Old site). Give the whole name.`,
    ],
    [
      "status_names",
      "検収",
      `"検収" is not one status in WEB, but 2. It fits: 検収待ち, 検収済み. Give the whole name.`,
    ],
    [
      "milestone_names",
      "ｖ1",
      `"ｖ1" is not one milestone in WEB, but 2. It fits: v1.2 (until 2026-10-30), v1.3 (until 2026-12-18). Give the whole name.`,
    ],
    [
      "assignee_names",
      "鈴木 一郎",
      `"鈴木 一郎" is not one person in WEB, but 2. It fits: 鈴木 一郎 (suzuki1, ID 1073936943), 鈴木 一郎 (suzuki.i, ID 1073936944). Give the login, or the ID in assignee_ids.`,
    ],
    [
      "created_user_names",
      "鈴木",
      `"鈴木" is not one person in WEB, but 2. It fits: 鈴木 一郎 (suzuki1, ID 1073936943), 鈴木 一郎 (suzuki.i, ID 1073936944). Give the login or the ID.`,
    ],
  ])("%s: %s", async (argument, word, expected) => {
    const scope = argument === "project_keys" ? {} : { project_keys: ["WEB"] };
    expect(
      await ask({ ...scope, [argument]: [word] }, { data: data() }),
    ).toMatchObject({ isError: true, text: expected, queries: [] });
  });
});

const MEMBERS =
  "Hana Mori (hana, ID 1073936937), 伊藤 健 (ken, ID 1073936940), 佐藤 花子 (hanako, ID 1073936941), Satō Ichirō (ichiro.sato, ID 1073936942), 鈴木 一郎 (suzuki1, ID 1073936943), 鈴木 一郎 (suzuki.i, ID 1073936944), legacy user (ID 1073751781)";

describe("a word that fits nothing is refused with what there is", () => {
  test.each([
    [
      "project_keys",
      "SHOP",
      'No project "SHOP". Projects: WEB (Web application), OPS (運用), MOBILE (Mobile app), OLD_2019 (Old site).',
    ],
    [
      "status_names",
      "Done",
      'No status "Done" in WEB. Statuses: Open, In Progress, 検収待ち, Resolved, Waiting for release, Closed. Also: any, not closed (the default).',
    ],
    [
      "milestone_names",
      "v2",
      'No milestone "v2" in WEB. Milestones: v1.2 (until 2026-10-30), v1.3 (until 2026-12-18), Sprint 42 (2026-11-09 to 2026-11-27).',
    ],
    [
      "issue_type_names",
      "Story",
      'No issue type "Story" in WEB. Issue types: Bug, Task, Request.',
    ],
    [
      "category_names",
      "Billing",
      'No category "Billing" in WEB. Categories: Auth, Checkout, Search.',
    ],
    [
      "priority_names",
      "urgent",
      'No priority "urgent". Priorities: High, Normal, Low.',
    ],
    [
      "assignee_names",
      "山田 太郎",
      `No person "山田 太郎" in WEB. Members: ${MEMBERS}.`,
    ],
    [
      "created_user_names",
      "山田 太郎",
      `No person "山田 太郎" in WEB. Members: ${MEMBERS}.`,
    ],
    [
      "parent_issue_keys",
      "WEB-999",
      'Backlog refused GET /issues/WEB-999 (404, "No issue."). It does not exist, or this key may not see it; Backlog does not say which. Check the IDs and keys among the arguments.',
    ],
  ])("%s: %s", async (argument, word, expected) => {
    const scope = argument === "project_keys" ? {} : { project_keys: ["WEB"] };
    const answer = await ask({ ...scope, [argument]: [word] });
    expect(answer).toMatchObject({
      isError: true,
      text: expected,
      queries: [],
    });
    expect(answer.text).not.toContain("corp.example");
  });

  test.each([
    ["priority_names", "高い", "Priorities: High, Normal, Low."],
    ["issue_type_names", "bugs", "Issue types: Bug, Task, Request."],
    ["issue_type_names", "不具合", "Issue types: Bug, Task, Request."],
  ])(
    "what is only nearly a name is not guessed, %s: %s",
    async (argument, word, choices) => {
      const { text } = await ask({ project_keys: ["WEB"], [argument]: [word] });
      expect(text).toStartWith("No ");
      expect(text).toEndWith(choices);
    },
  );

  test("a space that answers in Japanese lists its own names", async () => {
    const { text } = await ask(
      { project_keys: ["OPS"], status_names: ["Done"] },
      { data: sampleData({ japanese: true }) },
    );
    expect(text).toBe(
      'No status "Done" in OPS. Statuses: 未対応, 処理中, 検収待ち, 保留, 処理済み, 完了. Also: any, not closed (the default).',
    );
  });

  test.each([
    ["status_names", "Resolve it", "Statuses: Resolved, "],
    ["category_names", "Serch", "Categories: Search, "],
    ["assignee_names", "kenn", "Members: 伊藤 健 (ken, ID 1073936940), "],
    ["assignee_names", "Sato Ichiro", "Members: Satō Ichirō (ichiro.sato, "],
    ["project_keys", "MOBIEL", "Projects: MOBILE (Mobile app), "],
  ])("the nearest come first, %s: %s", async (argument, word, expected) => {
    const scope = argument === "project_keys" ? {} : { project_keys: ["WEB"] };
    const { text } = await ask({ ...scope, [argument]: [word] });
    expect(text).toContain(expected);
  });

  test("at most 30 choices are listed, and the rest are counted", async () => {
    const data = changed((space) => {
      for (let n = 1; n <= 44; n += 1) {
        addNamed(project(space, "WEB").categories, n, `Area ${n}`);
      }
    });
    const { text } = await ask(
      { project_keys: ["WEB"], category_names: ["Aria 44"] },
      { data },
    );
    const [, choices = ""] = text.split("Categories: ");
    expect(choices).toStartWith("Area 44, ");
    expect(choices).toEndWith(" and 17 more.");
    expect(choices.split(", ")).toHaveLength(30);
  });

  test("a choice with a long name is cut with the number of its characters", async () => {
    const long = `Release ${"of the whole thing ".repeat(10)}`.trim();
    const data = changed((space) =>
      addNamed(project(space, "WEB").versions, 1, long),
    );
    const { text } = await ask(
      { project_keys: ["WEB"], milestone_names: ["v2"] },
      { data },
    );
    expect(text).toContain(
      `, ${long.slice(0, 100)}… (100 of ${long.length} characters) (until 2026-10-30)`,
    );
  });

  test("a project that is not found is told once, whatever else is asked", async () => {
    const { text } = await ask({
      project_keys: ["SHOP"],
      status_names: ["Done"],
      milestone_names: ["v1.2"],
      assignee_names: ["ken"],
    });
    expect(text).toBe(
      'No project "SHOP". Projects: WEB (Web application), OPS (運用), MOBILE (Mobile app), OLD_2019 (Old site).',
    );
  });

  test("every word at fault is told in one answer", async () => {
    const { text } = await ask({
      project_keys: ["WEB"],
      category_names: ["Billing"],
      issue_type_names: ["Story"],
      status_names: ["Done"],
    });
    expect(text.split("\n").map((line) => line.split(" in WEB")[0])).toEqual([
      'No status "Done"',
      'No issue type "Story"',
      'No category "Billing"',
    ]);
  });

  test("an error of many words stays under 2,000 characters and counts the rest", async () => {
    const words = Array.from({ length: 40 }, (_, n) => `missing ${n}`);
    const { text } = await ask({
      project_keys: ["WEB"],
      category_names: words,
    });
    const rest =
      / \((\d+) characters more\)$|… \((\d+) characters more\)$/.exec(text);
    expect(text.length).toBeLessThan(2_000);
    const whole = words
      .map(
        (word) =>
          `No category "${word}" in WEB. Categories: Auth, Checkout, Search.`,
      )
      .join("\n").length;
    expect(Number(rest?.[1] ?? rest?.[2])).toBe(whole - 1_800);
  });
});

describe("the built-in words", () => {
  test("me is the key's owner, and the default", async () => {
    const [asked, byDefault] = await Promise.all([
      ask({ assignee_names: ["ＭＥ"] }),
      ask({}),
    ]);
    expect(asked.queries).toEqual(byDefault.queries);
    expect(asked.keys).toEqual(byDefault.keys);
    expect(asked.filters).toContain("assignee Hana Mori (1073936937)");
    expect(byDefault.filters).toContain(
      "assignee Hana Mori (1073936937) by default",
    );
    expect(byDefault.filters?.[1]).toMatch(
      /^status not closed \(Open, .*\) by default$/,
    );
  });

  test("me is USER_ID where that is set, and costs no request then", async () => {
    const { filters, paths } = await ask(
      { assignee_names: ["me"], status_names: ["Closed"] },
      { userId: "1073936940" },
    );
    expect(filters).toContain("assignee 伊藤 健 (1073936940)");
    expect(paths).toEqual(["/issues", "/issues/count"]);
  });

  test("me, a name and an ID together mean any of the three", async () => {
    const { queries } = await ask({
      ...{ project_keys: ["WEB"], status_names: ["any"] },
      assignee_names: ["me", "ken"],
      assignee_ids: [1073936943],
    });
    for (const id of [1073936937, 1073936940, 1073936943]) {
      expect(queries[0]).toContain(`assigneeId[]=${id}&`);
    }
  });

  test("created_user_names knows me and anyone too", async () => {
    const [mine, anyones] = await Promise.all([
      ask({ ...EVERYTHING, created_user_names: ["me"] }),
      ask({ ...EVERYTHING, created_user_names: ["anyone"] }),
    ]);
    expect(mine.queries[0]).toStartWith("createdUserId[]=1073936937&");
    expect(anyones.queries[0]).toStartWith("sort=");
  });

  test.each([
    ["anyone", "any", "sort="],
    ["ANYONE", "すべて", "sort="],
  ])(
    "assignee %s and status %s lift both defaults",
    async (who, status, query) => {
      const { queries, filters, keys } = await ask({
        assignee_names: [who],
        status_names: [status],
      });
      expect(queries[0]).toStartWith(query);
      expect(filters).toEqual(["assignee anyone", "status any"]);
      expect(keys).toHaveLength(sampleData().issues.length);
    },
  );

  test.each([["not closed"], ["Not Closed"], ["未完了"]])(
    "status_names %s is the default, said aloud",
    async (word) => {
      const data = sampleData();
      const { keys, filters } = await ask({ ...ANYONE, status_names: [word] });
      const open = data.issues.filter(({ status }) => status.id !== 4);
      expect(keys.toSorted()).toEqual(
        open.map(({ issueKey }) => issueKey).toSorted(),
      );
      expect(filters?.[1]).toMatch(/^status not closed \(.*\)$/);
    },
  );

  test("closed is status 4 alone", async () => {
    const { keys } = await ask({ ...ANYONE, status_names: ["closed"] });
    const closed = sampleData().issues.filter(({ status }) => status.id === 4);
    expect(keys.toSorted()).toEqual(
      closed.map(({ issueKey }) => issueKey).toSorted(),
    );
  });

  test("closed and not closed together are any", async () => {
    const { filters, keys } = await ask({
      ...ANYONE,
      status_names: ["not closed", "closed"],
    });
    expect(filters).toContain("status any");
    expect(keys).toHaveLength(sampleData().issues.length);
  });

  test("Open is the one status, not what is not closed", async () => {
    const { queries } = await ask({ ...ANYONE, status_names: ["Open"] });
    expect(queries).toEqual([
      "statusId[]=1&sort=updated&order=desc&offset=0&count=100",
    ]);
  });

  test.each([
    ["Closed", "status Closed (9001)"],
    ["any", 'status "any" (9002)'],
    ["not closed", 'status "not closed" (9003)'],
    ["closed", "status Closed (4)"],
    ["ANY", "status any"],
  ])(
    "a custom status of exactly this name beats the built-in word: %s",
    async (word, expected) => {
      const data = changed((space) => {
        const { statuses } = project(space, "WEB");
        addNamed(statuses, 9001, "Closed");
        addNamed(statuses, 9002, "any");
        addNamed(statuses, 9003, "not closed");
      });
      const { filters } = await ask(
        { ...ANYONE, project_keys: ["WEB"], status_names: [word] },
        { data },
      );
      expect(filters).toContain(expected);
    },
  );
});

describe("words and IDs", () => {
  test.each([
    ["project_ids", "WEB", "projectId[]=1073835211&"],
    ["assignee_ids", "ken", "assigneeId[]=1073936940&"],
    ["status_ids", "検収待ち", "statusId[]=315422&"],
    ["milestone_ids", "Sprint 42", "milestoneId[]=1073352112&"],
    ["parent_issue_ids", "WEB-1", "parentIssueId[]=1078835216&"],
  ])(
    "a word in %s counts as one in the list of words",
    async (argument, word, query) => {
      const { queries, isError } = await ask({
        ...EVERYTHING,
        project_keys: ["WEB"],
        ...(argument.startsWith("assignee") && { assignee_names: [] }),
        ...(argument.startsWith("status") && { status_names: [] }),
        [argument]: [word],
      });
      expect(isError).toBe(false);
      expect(queries[0]).toContain(query);
    },
  );

  test.each([
    ["project_keys", "WEB", "project_ids", 1073840000, "projectId[]"],
    ["status_names", "検収待ち", "status_ids", 325000, "statusId[]"],
    ["milestone_names", "v1.3", "milestone_ids", 1073352112, "milestoneId[]"],
    ["parent_issue_keys", "WEB-1", "parent_issue_ids", 77, "parentIssueId[]"],
  ])("%s %s and %s %d widen the filter", async (words, word, ids, id, name) => {
    const { queries } = await ask({
      ...EVERYTHING,
      project_keys: ["WEB"],
      [words]: [word],
      [ids]: [id],
    });
    const sent = (queries[0] ?? "")
      .split("&")
      .filter((p) => p.startsWith(name));
    expect(sent).toHaveLength(2);
    expect(sent).toContain(`${name}=${id}`);
  });

  test("what is named twice is told once", async () => {
    const { filters, queries } = await ask({
      ...ANYONE,
      project_keys: ["WEB", "Web application"],
      project_ids: [1073835211],
      issue_type_names: ["Bug", "bug"],
      status_names: ["検収待ち", "検収"],
      status_ids: [315422],
    });
    expect(filters).toEqual([
      "assignee anyone",
      "status 検収待ち (315422)",
      "project WEB (1073835211)",
      "type Bug (1074352110)",
    ]);
    expect(queries[0]).toStartWith(
      "statusId[]=315422&projectId[]=1073835211&issueTypeId[]=1074352110&sort=",
    );
  });

  test("equal names in several projects are one choice and mean all of them", async () => {
    const { filters, keys } = await ask({
      ...EVERYTHING,
      milestone_names: ["v1.2"],
    });
    expect(filters).toContain("milestone v1.2 (1073352110, 1073450000)");
    expect(keys.toSorted()).toEqual(["MOBILE-1", "MOBILE-2", "WEB-13"]);
  });

  test("equal statuses in several projects likewise", async () => {
    const { keys } = await ask({ ...ANYONE, status_names: ["検収待ち"] });
    expect(keys.toSorted()).toEqual(["OPS-3", "WEB-4"]);
  });
});

describe("without a project", () => {
  test("30 projects are searched", async () => {
    const data = largeData({ projects: 30, issues: 60, customStatuses: true });
    const { isError, paths } = await ask(
      { ...ANYONE, status_names: ["検収待ち"] },
      { data },
    );
    expect(isError).toBe(false);
    expect(paths.filter((path) => path.endsWith("/statuses"))).toHaveLength(30);
  });

  test("31 are not: the error says to name one, lists keys and counts the rest", async () => {
    const data = largeData({ projects: 31, issues: 31, customStatuses: true });
    const { isError, text, paths } = await ask(
      { ...ANYONE, status_names: ["検収待ち"] },
      { data },
    );
    expect(isError).toBe(true);
    expect(text).toStartWith(
      "status_names is looked up in projects, and this key sees 31: name one or more in project_keys, or give IDs. Projects: P1, P2, ",
    );
    expect(text).toEndWith(", P30 and 1 more.");
    expect(paths).toEqual(["/projects"]);
  });

  test("archived projects are not searched, but can be named", async () => {
    const [all, named] = await Promise.all([
      ask({ ...EVERYTHING, issue_type_names: ["Bug"] }),
      ask({ ...EVERYTHING, issue_type_names: ["Bug"], project_keys: ["old"] }),
    ]);
    expect(all.keys).not.toContain("OLD_2019-2");
    expect(named.keys).toEqual(["OLD_2019-2"]);
  });

  test("what one project does not let read is told, and the rest is used", async () => {
    const { text, keys, isError } = await ask(
      { ...ANYONE, status_names: ["検収待ち"] },
      { switches: { unreadableProjects: ["WEB"] } },
    );
    expect(isError).toBe(false);
    expect(keys).toEqual(["OPS-3"]);
    expect(text).toContain(
      'Note: The statuses of WEB could not be read: Backlog refused GET /projects/1073835211/statuses (403, "You do not have permission."). The owner of this API key may not read it; retrying will not help.',
    );
  });

  test("members that two filters could not read are told once", async () => {
    const { text, isError } = await ask(
      { assignee_names: ["hana"], created_user_names: ["ken"] },
      { switches: { unreadableProjects: ["MOBILE"] } },
    );
    expect(isError).toBe(false);
    expect(text.match(/^Note: .*$/gm)).toEqual([
      'Note: The members of MOBILE could not be read: Backlog refused GET /projects/1073845000/users (403, "You do not have permission."). The owner of this API key may not read it; retrying will not help.',
    ]);
  });

  test("a named project whose statuses cannot be read still knows the standard ones", async () => {
    const args = { ...ANYONE, project_keys: ["WEB"] };
    const options = () => ({ switches: { unreadableProjects: ["WEB"] } });
    const standard = await ask(
      { ...args, status_names: ["処理中"] },
      options(),
    );
    expect(standard.keys.toSorted()).toEqual(["WEB-1", "WEB-12", "WEB-3"]);
    expect(standard.text).toContain(
      "Note: The statuses of WEB could not be read: ",
    );
    const custom = await ask(
      { ...args, status_names: ["検収待ち"] },
      options(),
    );
    expect(custom.isError).toBe(true);
    expect(custom.text).toContain("(403,");
  });
});

describe("looking up costs as little as possible", () => {
  test("a project key and two status names cost three requests beyond the list", async () => {
    const { paths } = await ask({
      project_keys: ["WEB"],
      status_names: ["検収待ち", "Waiting for release"],
    });
    expect(paths.toSorted()).toEqual([
      "/issues",
      "/issues/count",
      "/projects",
      "/projects/WEB/statuses",
      "/users/myself",
    ]);
  });

  test("these are under way at once: the last is sent before the first is answered", async () => {
    const { requests, peak } = await ask(
      { project_keys: ["WEB"], status_names: ["検収待ち", "Open"] },
      { latencyMs: 40 },
    );
    const lookups = requests.slice(0, 3);
    const lastSent = Math.max(...lookups.map(({ at }) => at));
    const firstAnswered = Math.min(
      ...lookups.map(({ answeredAt }) => answeredAt ?? 0),
    );
    expect(requests.map(({ path }) => path).indexOf("/issues")).toBe(3);
    expect(lastSent).toBeLessThan(firstAnswered);
    expect(peak).toBe(3);
  });

  test("priorities cost none", async () => {
    const { paths } = await ask({
      ...EVERYTHING,
      priority_names: ["高", "Low"],
    });
    expect(paths).toEqual(["/issues", "/issues/count"]);
  });

  test.each([
    [
      "people, statuses and all else of one project",
      {
        project_keys: ["WEB", "Web application", "web"],
        assignee_names: ["ken", "me", "hanako"],
        created_user_names: ["ken", "me"],
        status_names: ["検収待ち", "Open", "any"],
        milestone_names: ["v1.2", "v1.3"],
        category_names: ["Auth", "Search"],
        issue_type_names: ["Bug", "Task"],
        parent_issue_keys: ["WEB-1", "web-1", "WEB-2"],
      },
    ],
    [
      "a project by its key and its ID",
      {
        project_keys: ["WEB"],
        project_ids: [1073835211],
        status_names: ["検収待ち"],
        assignee_names: ["ken"],
      },
    ],
    [
      "words of all projects",
      {
        assignee_names: ["ken"],
        created_user_names: ["hanako"],
        milestone_names: ["v1.2"],
        issue_type_names: ["Bug"],
        status_names: ["検収待ち", "保留"],
      },
    ],
  ])("nothing is asked twice: %s", async (_name, args) => {
    const { paths, isError, requests } = await ask(args);
    expect(isError).toBe(false);
    expect(new Set(requests.map(({ path, query }) => path + query)).size).toBe(
      requests.length,
    );
    expect(new Set(paths.filter(isLookup)).size).toBe(
      paths.filter(isLookup).length,
    );
  });

  test("nothing is kept for the next call", async () => {
    await using space = startSampleSpace();
    await using connected = await connectInProcess(space);
    const args = { project_keys: ["WEB"], status_names: ["検収待ち"] };
    await connected.list(args);
    const first = space.requests.map(({ path }) => path).toSorted();
    await connected.list(args);
    expect(
      space.requests
        .slice(first.length)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(first);
  });
});

describe("nothing found", () => {
  test.each([
    [
      "the assignee alone",
      { status_names: ["Resolved"], project_keys: ["WEB"] },
      '0 assigned to you; 1 with assignee_names ["anyone"].',
    ],
    [
      "the status alone",
      { assignee_names: ["ken"], keyword: "夜間バッチ" },
      '0 not closed; 1 with status_names ["any"].',
    ],
  ])("names the defaults that applied: %s", async (_name, args, expected) => {
    const { text } = await ask(args);
    expect(text).toStartWith("No issues match.");
    expect(text).toContain(`\n${expected}\n`);
  });
});

describe("what people say without thinking", () => {
  test.each([
    ["any", "anyone"],
    ["全員", "anyone"],
    ["私", "Hana Mori (1073936937)"],
    ["@me", "Hana Mori (1073936937)"],
    ["@ken", "伊藤 健 (1073936940)"],
    ["伊藤さん", "伊藤 健 (1073936940)"],
    ["伊藤 健 様", "伊藤 健 (1073936940)"],
    ["花子ちゃん", "佐藤 花子 (1073936941)"],
    ["健くん", "伊藤 健 (1073936940)"],
    ["佐藤氏", "佐藤 花子 (1073936941)"],
    ["佐藤花子殿", "佐藤 花子 (1073936941)"],
    ["Mori-san", "Hana Mori (1073936937)"],
    // A word of a name, its beginning, and the order that others write.
    ["mori", "Hana Mori (1073936937)"],
    ["健", "伊藤 健 (1073936940)"],
    ["花子 佐藤", "佐藤 花子 (1073936941)"],
    ["Ichirō S", "Satō Ichirō (1073936942)"],
  ])("assignee_names %s is %s", async (word, expected) => {
    const { filters } = await ask({
      project_keys: ["WEB"],
      assignee_names: [word],
    });
    expect(filters[0]).toBe(`assignee ${expected}`);
  });

  test.each([
    ["子", "Members: "],
    ["さん", 'No person "さん"'],
    ["nobody-san", 'No person "nobody"'],
  ])("assignee_names %s is nobody's name", async (word, expected) => {
    const { text, isError } = await ask({
      project_keys: ["WEB"],
      assignee_names: [word],
    });
    expect(isError).toBe(true);
    expect(text).toContain(expected);
  });

  test("a name that ends like a title is tried as it is first", async () => {
    const data = changed((space) => {
      const [, ken, hanako] = space.users;
      if (ken) ken.name = "桜";
      if (hanako) hanako.name = "桜様";
    });
    const { filters } = await ask(
      { project_keys: ["WEB"], assignee_names: ["桜様"] },
      { data },
    );
    expect(filters[0]).toBe("assignee 桜様 (1073936941)");
  });

  test.each(["not_closed", "notClosed", "NOT-CLOSED", "未完"])(
    "status_names %s is not closed",
    async (word) => {
      const { text } = await ask({ status_names: [word] });
      expect(text).toContain("status not closed");
    },
  );

  test.each([
    ["status_names", "4", "status Closed (4)"],
    ["status_names", "InProgress", "status In Progress (2)"],
    ["status_names", "315422", "status 検収待ち (315422)"],
    ["project_keys", "1073835211", "project WEB (1073835211)"],
    ["milestone_names", "1073352110", "milestone v1.2 (1073352110)"],
  ])("%s %s is %s", async (argument, word, expected) => {
    const { text } = await ask({
      project_keys: ["WEB"],
      [argument]: [word],
      assignee_names: ["anyone"],
    });
    expect(text).toContain(expected);
  });

  test.each(['["WEB", "OPS"]', "[WEB, OPS]", "['WEB','OPS']", "WEB、OPS"])(
    "project_keys %s is two projects",
    async (project_keys) => {
      const { text } = await ask({ project_keys });
      expect(text).toContain("project WEB (1073835211), OPS (1073840000)");
    },
  );

  test.each([
    "http://HOST/projects/WEB",
    "HOST/find/WEB",
    "http://HOST/board/WEB?statusId=1",
    "http://HOST/view/WEB-12#comment-1",
  ])("the address %s is its project", async (address) => {
    const { text } = await ask({ project_keys: [address] });
    expect(text).toContain("project WEB (1073835211)");
  });

  test.each([
    [
      "https://other.backlog.com/projects/WEB",
      "project_keys is an address of other.backlog.com, but this server reads HOST only; each space needs an entry of its own in the client's configuration",
    ],
    [
      "http://HOST/dashboard",
      'project_keys: the address "http://HOST/dashboard" names no project; give a key such as PROJ',
    ],
  ])("the address %s is no project", async (address, expected) => {
    const { text, paths } = await ask({ project_keys: [address] });
    expect(text).toBe(expected);
    expect(paths).toEqual([]);
  });

  test("a key is a key, even where another project has its name", async () => {
    const data = changed((space) => {
      project(space, "MOBILE").project.name = "Web";
    });
    const { text } = await ask({ project_keys: ["web"] }, { data });
    expect(text).toContain("project WEB (1073835211)");
  });

  test.each([
    ["parent_issue_keys", "FOO", 'parent_issue_keys "FOO" is no issue key'],
    [
      "parent_issue_keys",
      "https://other.backlog.com/view/WEB-1",
      "parent_issue_keys is an address of other.backlog.com",
    ],
    ["priority_names", "urgent", 'No priority "urgent"'],
  ])(
    "%s %s is refused before any request",
    async (argument, word, expected) => {
      const { isError, text, paths } = await ask({
        [argument]: [word],
        status_names: ["検収"],
      });
      expect([isError, paths]).toEqual([true, []]);
      expect(text).toStartWith(expected);
    },
  );

  test("a name that imitates the filter line stands in quotation marks", async () => {
    const name = "X (4); assignee nobody";
    const data = changed((space) => {
      for (const status of project(space, "WEB").statuses) {
        if (status.id === 315422) status.name = name;
      }
    });
    const { text } = await ask(
      { project_keys: ["WEB"], status_names: [name] },
      { data },
    );
    expect(text).toContain(`status "${name}" (315422)`);
  });
});
