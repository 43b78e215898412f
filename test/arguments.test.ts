import { describe, expect, test } from "bun:test";
import { largeData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { readIssue, readList } from "./helpers.ts";

const WEB = 1073835211;
const OPS = 1073840000;
const DEFAULT_QUERY =
  "assigneeId[]=1073936937&statusId[]=1&statusId[]=2&statusId[]=3&sort=updated&order=desc&offset=0&count=100";

describe("a list of IDs", () => {
  test.each([
    ["a list of numbers", [WEB, OPS]],
    ["a list of digits", [`${WEB}`, `${OPS}`]],
    ["a list as JSON", `["${WEB}", ${OPS}]`],
    ["a list with commas and spaces", ` ${WEB} , ${OPS} `],
    ["a list with Japanese commas", `${WEB}、${OPS}`],
    ["full-width digits", ["１０７３８３５２１１", "１０７３８４００００"]],
    ["quoted digits", [`"${WEB}"`, `「${OPS}」`]],
    ["empty items beside", [WEB, null, "", OPS]],
    ["words among them", ["WEB", OPS]],
    ["words without quotes", "[WEB, OPS]"],
    ["words in single quotes", "['WEB','OPS']"],
  ])("comes as %s", async (_, project_ids) => {
    const { query } = await readList({ project_ids });
    const ids = query.split("&").filter((part) => part.startsWith("project"));
    expect(ids.sort()).toEqual([`projectId[]=${WEB}`, `projectId[]=${OPS}`]);
  });

  test.each([WEB, `${WEB}`])("of one comes as %j", async (project_ids) => {
    const { query } = await readList({ project_ids });
    expect(query).toContain(`projectId[]=${WEB}&`);
  });
});

describe("not given", () => {
  const LISTS = `project_keys project_ids assignee_names assignee_ids
    status_names status_ids milestone_names milestone_ids parent_issue_keys
    parent_issue_ids issue_type_names category_names priority_names
    created_user_names custom_fields count_by history_by_names`.split(/\s+/);
  const OTHERS =
    "keyword created_since due_date_until sort order limit offset timezone";
  test.each([
    ["null", [...LISTS, ...OTHERS.split(" ")], null],
    ["an empty text", [...LISTS, ...OTHERS.split(" ")], ""],
    ["an empty list", LISTS, []],
    ["an empty list as JSON", LISTS, "[]"],
    ["a list of nothing", LISTS, [null, "", " "]],
  ])("is %s", async (_, names, nothing) => {
    const args = Object.fromEntries(names.map((name) => [name, nothing]));
    const { query, text } = await readList(args);
    expect(query).toBe(DEFAULT_QUERY);
    expect(text).toStartWith("12 issues match; all shown");
  });
});

describe("a list's argument is read generously", () => {
  test.each([
    [{ due_date_until: "yesterday" }, "dueDateUntil=2026-11-21"],
    [{ due_date_until: "'today'" }, "dueDateUntil=2026-11-22"],
    [{ due_date_until: 20261130 }, "dueDateUntil=2026-11-30"],
    [{ updated_since: "－７ｄ" }, "updatedSince=2026-11-15"],
    [{ start_date_since: ["-1m"] }, "startDateSince=2026-10-22"],
    [{ start_date_until: "金曜" }, "startDateUntil=2026-11-27"],
    // 03:00 in UTC: still the day before in Los Angeles.
    [{ created_until: "today", timezone: "PT" }, "createdUntil=2026-11-21"],
    [
      { updated_until: "2026-11-20T20:30:00Z", timezone: "日本" },
      "updatedUntil=2026-11-21",
    ],
    // Text to search for is taken as it is.
    [{ keyword: ' "a&b" 課題 ' }, 'keyword= "a&b" 課題 &'],
    [{ keyword: 5 }, "keyword=5&"],
    // An order as people say it.
    [{ sort: "Created" }, "sort=created&order=desc"],
    [{ sort: "due_date" }, "sort=dueDate&order=asc"],
    [{ sort: '"dueDate"', order: "DESC" }, "sort=dueDate&order=desc"],
    [{ sort: "期限日", order: "降順" }, "sort=dueDate&order=desc"],
    [{ sort: "newest" }, "sort=created&order=desc"],
    [{ sort: "Oldest" }, "sort=created&order=asc"],
    [{ order: "Ascending" }, "sort=updated&order=asc"],
    // Another name that is clear.
    [{ status: "Open" }, "statusId[]=1&sort"],
    [{ assignee: "anyone" }, "statusId[]=1&statusId[]=2&statusId[]=3&"],
    [{ priority: "High" }, "priorityId[]=2"],
    [{ project: "WEB" }, `projectId[]=${WEB}`],
    [{ query: "login" }, "keyword=login"],
  ])("%j asks for %s", async (args, expected) => {
    expect((await readList(args)).query).toContain(expected);
  });

  test.each([
    [{ limit: "５" }, "12 issues match; 1 to 5 are shown"],
    [{ limit: " '5' " }, "12 issues match; 1 to 5 are shown"],
    [{ limit: 0 }, "12 issues match; limit 0 shows none of them."],
    [{ offset: "10" }, "12 issues match; 11 to 12 are shown"],
    [{ sort: "priority" }, "12 issues match; all shown, highest priority "],
  ])("%j: %s", async (args, expected) => {
    expect((await readList(args)).text).toStartWith(expected);
  });

  test.each([
    [{ limit: 1_000 }, "limit 1000 was taken for 500, the most of one call."],
    [{ status: "Open" }, "status was taken for status_names."],
    [
      { count_by: "Issue Types", limit: 0 },
      "limit, offset and sort do not matter: count_by counts all.",
    ],
    [
      { history_since: "today", order: "asc" },
      "sort does not matter: history_… tells the newest activity first.",
    ],
  ])("what %j was taken for is said", async (args, expected) => {
    expect((await readList(args)).text).toContain(`Note: ${expected}`);
  });

  test("a limit over 500 is 500 in the next call", async () => {
    const data = largeData({ projects: 1, issues: 600 });
    const args = { assignee_names: ["anyone"], limit: 501 };
    expect((await readList(args, { data })).next).toMatchObject({ limit: 500 });
  });

  test.each([
    ["people", "assignee"],
    ["状態", "status"],
    ["issueTypes", "type"],
    ["created_user", "created_by"],
    ["期限", "due"],
  ])("count_by %s counts by %s", async (count_by, group) => {
    const { text } = await readList({ count_by });
    expect(text).toContain(`all that match, by ${group}.`);
  });
});

describe("days are told as they were understood", () => {
  test("with what was written, and whose days they probably are", async () => {
    const { filters } = await readList({
      created_since: "-1m",
      due_date_until: "2026-11-30",
      timezone: "Asia/Tokyo",
    });
    expect(filters.slice(2)).toEqual([
      "created since 2026-10-22 (-1m)",
      "due date until 2026-11-30",
      "days probably as Asia/Tokyo has them",
    ]);
  });

  test("without the space's zone its days are told as such", async () => {
    const { filters } = await readList(
      { updated_since: "2026-11-01" },
      {
        answer: (_, path) =>
          path === "/space" ? Response.json({}) : undefined,
      },
    );
    expect(filters).toContain(
      "days probably as the space's time zone has them",
    );
  });

  // 03:00 in UTC: noon in Tokyo, and still the day before in Los Angeles.
  test.each([
    ["Asia/Tokyo", { due_date_until: "today" }, "(timezone not given)"],
    [undefined, { count_by: ["due"] }, "(timezone not given)"],
    [
      "America/Los_Angeles",
      { due_date_until: "this week" },
      "(timezone not given; this machine is in America/Los_Angeles, where it is 2026-11-21)",
    ],
    ["Asia/Tokyo", { due_date_until: "2026/11/30" }, undefined],
    ["Asia/Tokyo", { due_date_until: "today", timezone: "UTC" }, undefined],
  ])("today on a machine in %s, %j: %p", async (zone, args, expected) => {
    const { text, paths } = await readList(args, {}, zone ? { zone } : {});
    const told = /; today is 2026-11-22 in UTC (\(.*?\))/.exec(text)?.[1];
    expect(told).toBe(expected);
    expect(paths).not.toContain("/space");
  });
});

describe("get_issue_details is read generously", () => {
  test.each([
    [{ issue_key: " 「ｗｅｂ－７」 " }, []],
    [{ issue_key: 1078835246 }, []],
    [{ issueKey: "WEB-7" }, ["issueKey was taken for issue_key."]],
    [{ key: "WEB-7" }, ["key was taken for issue_key."]],
    [{ issue_key: "WEB-7", issue_title: null }, []],
    [{ issue_key: "WEB-7", issue_title: "Write the release notes" }, []],
    [
      { issue_key: "WEB-7", issue_title: "Dark mode for the admin" },
      [
        'issue_title "Dark mode for the admin" is not the title of WEB-7: make sure that it is the issue meant.',
      ],
    ],
  ])("%j, with the notes %j", async (args, expected) => {
    const { text, notes } = await readIssue(args);
    expect(text).toStartWith("# WEB-7 Write the release notes\n");
    expect(notes).toEqual(expected);
  });
});

/** What a refused call says; that no request was sent is checked here. */
async function refusalOf(
  tool: "details" | "list",
  args: Record<string, unknown>,
): Promise<string> {
  await using space = startSampleSpace();
  await using server = await connectInProcess(space);
  const { text, isError } = await server[tool](args);
  expect(isError).toBe(true);
  expect(space.requests).toEqual([]);
  expect(text.length).toBeLessThan(2_000);
  return text;
}

const SEARCH =
  "issue_key is needed; to find an issue by its title call get_user_issue_list with keyword";
const ONE_EACH =
  'issue_key names 2 issues, and one call reads one; one call each: issue_key "WEB-1", issue_key "WEB-2"';

describe("get_issue_details refuses before any request", () => {
  test.each([
    [{}, SEARCH],
    [{ issue_key: null }, SEARCH],
    [
      { issue_key: " ", issue_title: " Login " },
      `${SEARCH}: get_user_issue_list {"keyword":"Login","assignee_names":["anyone"],"status_names":["any"]}`,
    ],
    [{ issue_key: ["WEB-1", "WEB-2"] }, ONE_EACH],
    [
      { issue_key: "WEB-1", timezone: "Mars" },
      'timezone: "Mars" names no time zone. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC',
    ],
    [{ issue_key: "WEB-1", timezone: ["UTC", "Z"] }, "timezone: give one text"],
    [
      { issue_key: "WEB-1", time_zone: "UTC" },
      'no argument "time_zone"; the nearest is timezone',
    ],
    [{ issueNo: "WEB-1" }, 'no argument "issueNo"; the nearest is issue_key'],
  ])("%j", async (args, expected) => {
    expect(await refusalOf("details", args)).toBe(expected);
  });
});

const NO_DATE =
  "is not a date; use YYYY-MM-DD, today, yesterday, -7d, +2w, -1m, this week, last month, Friday";
const NO_NUMBER = "use a whole number from 0";
const COUNTS =
  "count_by: it counts issues, and history_… tells what happened in them: ask for one of the two";

describe("get_user_issue_list refuses before any request", () => {
  test.each([
    [{ updated_until: 5 }, `updated_until: "5" ${NO_DATE}`],
    [
      { due_date_since: "today", due_date_until: "none" },
      "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two",
    ],
    [
      { updated_since: "today", updated_until: "-1d" },
      "updated_since (2026-11-22) is after updated_until (2026-11-21): exchange them",
    ],
    [
      { history_since: "-1d", history_until: "-3d" },
      "history_since (2026-11-21) is after history_until (2026-11-19): exchange them",
    ],
    [
      {
        timezone: "Mars",
        created_since: "soon",
        due_date_since: "2026-00-01",
        count_by: ["size"],
        sort: "summary",
        order: "up",
        custom_fields: ["Cost"],
      },
      `timezone: "Mars" names no time zone. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC
created_since: "soon" ${NO_DATE}
due_date_since: 2026-00-01 does not exist; months go from 01 to 12
count_by: "size" is nothing to count by; use one or two of project, assignee, status, type, priority, milestone, category, created_by, due
sort: use one of updated, created, due_date, priority, status
order: use one of asc, desc
custom_fields "Cost": give a field, =, >= or <=, and a value, as in "Cost>=100"`,
    ],
    [
      { count_by: "type, status, due" },
      "count_by: use one or two; for more ask again",
    ],
    [{ count_by: ["type"], history_since: "-7d" }, COUNTS],
    [{ count_by: ["type"], history_by_names: ["me"] }, COUNTS],
    [{ limit: 1.5 }, `limit: ${NO_NUMBER}`],
    [{ limit: "many" }, `limit: ${NO_NUMBER}`],
    [{ offset: -1 }, `offset: ${NO_NUMBER}`],
    [{ keyword: ["a", "b"] }, "keyword: give one text"],
    [{ project_ids: true }, "project_ids: give a list such as [1, 2]"],
    [{ project_ids: [[1]] }, "project_ids: give a list such as [1, 2]"],
    [
      { status_names: { name: "Open" } },
      'status_names: give a list such as ["a", "b"]',
    ],
    [
      { assignees: "me", dueDateUntil: "today", Limit: 5, overdue: true },
      `no argument "assignees"; the nearest is assignee_ids
no argument "dueDateUntil"; the nearest is due_date_until
no argument "Limit"; the nearest is limit
no argument "overdue"; use due_date_until "yesterday"`,
    ],
    // Near nothing, of any length, in any number.
    [{ ["x".repeat(5_000)]: 1 }, `no argument "${"x".repeat(60)}…"`],
    [{ "": 1 }, 'no argument ""'],
    [
      Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`0${n}`, n])),
      `${Array.from({ length: 10 }, (_, n) => `no argument "0${n}"\n`).join("")}and 2 more unknown`,
    ],
    [
      { status: "Open", status_names: ["Closed"] },
      "status stands beside status_names: give status_names alone",
    ],
  ])("%j", async (args, expected) => {
    expect(await refusalOf("list", args)).toBe(expected);
  });
});

describe("USER_ID", () => {
  test.each(["HANA", "Hana Mori", "hanamori"])(
    "%s is the key's owner",
    async (userId) => {
      const { filters } = await readList({}, {}, { userId });
      expect(filters).toContain("assignee Hana Mori (1073936937) by default");
    },
  );

  test("that is anybody else's is explained, and harms no list without me", async () => {
    const server = { userId: "ken" };
    const { text, isError } = await readList({}, {}, server);
    expect(isError).toBe(true);
    expect(text).toBe(
      'USER_ID is "ken", which is neither a numeric ID nor the login, display name or unique name of the key\'s owner. Set it to 1073936937 (Hana Mori), or remove it: Backlog is then asked who you are.',
    );
    const all = await readList({ assignee_names: ["anyone"] }, {}, server);
    expect(all.isError).toBe(false);
  });
});
