import { describe, expect, test } from "bun:test";
import { largeData } from "../sample-space/data.ts";
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
    [{ project_ids: WEB }, `projectId[]=${WEB}&`],
    [{ due_date_until: "yesterday" }, "dueDateUntil=2026-11-21"],
    [{ due_date_until: "'today'" }, "dueDateUntil=2026-11-22"],
    [{ due_date_until: 20261130 }, "dueDateUntil=2026-11-30"],
    [{ updated_since: "－７ｄ" }, "updatedSince=2026-11-15"],
    [{ start_date_since: ["-1m"] }, "startDateSince=2026-10-22"],
    [{ start_date_until: "金曜" }, "startDateUntil=2026-11-27"],
    // 03:00 in UTC: still the day before in Los Angeles.
    [{ created_until: "today", timezone: "PT" }, "createdUntil=2026-11-21"],
    [{ updated_until: "20261120" }, "updatedUntil=2026-11-20"],
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
    [{ sort: "状態" }, "sort=status&order=desc"],
    [{ order: "Ascending" }, "sort=updated&order=asc"],
    // Another name that is clear.
    [{ status: "Open" }, "statusId[]=1&sort"],
    [{ assignee: "anyone" }, "statusId[]=1&statusId[]=2&statusId[]=3&"],
    [{ priority: "High" }, "priorityId[]=2"],
    [{ project: "WEB" }, `projectId[]=${WEB}`],
    [{ query: "login" }, "keyword=login"],
    [{ limit: "５" }, "12 issues match; 1 to 5 are shown"],
    [{ limit: " '5' " }, "12 issues match; 1 to 5 are shown"],
    [{ offset: "10" }, "12 issues match; 11 to 12 are shown"],
    [{ sort: "priority" }, "12 issues match; all shown, highest priority "],
    [{ due_date_until: "none" }, "; without a due date"],
    [{ history_by_names: "me", limit: 1 }, '"history_by_names":["me"],"limit"'],
    [{ history_until: "today" }, "since 2026-11-16 until 2026-11-22 (UTC)"],
    [{ count_by: "people" }, "all that match, by assignee."],
    [{ count_by: "状態" }, "all that match, by status."],
    [{ count_by: "issueTypes" }, "all that match, by type."],
    [{ count_by: "created_user" }, "all that match, by created_by."],
    [{ count_by: "期限" }, "all that match, by due."],
    // What it was taken for is said.
    [{ limit: 1_000 }, "Note: limit 1000 was taken for 500, the most of one "],
    [{ status: "Open" }, "Note: status was taken for status_names."],
    [{ count_by: "type", limit: 0 }, "Note: limit, offset and sort do not ma"],
    [{ history_since: "today", order: "asc" }, "Note: sort does not matter"],
  ])("%j: %s", async (args, expected) => {
    const { query, text } = await readList(args);
    expect(`${query}\n${text}`).toContain(expected);
  });

  test("a limit over 500 is 500 in the next call", async () => {
    const data = largeData({ projects: 1, issues: 600 });
    const args = { assignee_names: ["anyone"], limit: 501 };
    expect((await readList(args, { data })).next).toMatchObject({ limit: 500 });
  });
});

describe("days are told as they were understood", () => {
  test("with what was written, and whose days they probably are", async () => {
    const days = { created_since: "-1m", due_date_until: "2026-11-30" };
    const { filters } = await readList({ ...days, timezone: "Asia/Tokyo" });
    expect(filters.slice(2)).toEqual([
      "created since 2026-10-22 (-1m)",
      "due date until 2026-11-30",
      "days probably as Asia/Tokyo has them",
    ]);
  });

  test("without the space's zone its days are told as such", async () => {
    const answer = (_: Request, path: string) =>
      path === "/space" ? Response.json({}) : undefined;
    const { filters } = await readList({ updated_since: "today" }, { answer });
    expect(filters).toContain(
      "days probably as the space's time zone has them",
    );
  });

  const where = (condition: string) => {
    return { custom_fields: [condition], project_keys: ["WEB"] };
  };
  // 03:00 in UTC: noon in Tokyo, and still the day before in Los Angeles.
  const ELSEWHERE =
    "(timezone not given; this machine is in America/Los_Angeles, where it is 2026-11-21)";
  test.each([
    ["Asia/Tokyo", { due_date_until: "today" }, "(timezone not given)"],
    [undefined, { count_by: ["due"] }, "(timezone not given)"],
    [undefined, { history_by_names: ["me"] }, "(timezone not given)"],
    [undefined, { history_until: "2026-11-20" }, undefined],
    ["America/Los_Angeles", { due_date_until: "this week" }, ELSEWHERE],
    [undefined, where("Promised on<=today"), "(timezone not given)"],
    [undefined, where("Severity=S1"), undefined],
    [undefined, { due_date_until: "期限切れ" }, "(timezone not given)"],
    ["Asia/Tokyo", { due_date_until: "2026/11/30" }, undefined],
    ["Asia/Tokyo", { due_date_until: "today", timezone: "UTC" }, undefined],
  ])("today on a machine in %s, %j: %p", async (zone, args, expected) => {
    const { text, paths } = await readList(args, {}, zone ? { zone } : {});
    const told = /; today is 2026-11-22 in UTC (\(.*?\))/.exec(text)?.[1];
    expect(told).toBe(expected);
    expect(paths).not.toContain("/space");
  });
});

test.each(["overdue", "Overdue", "期限切れ"])(
  "due until %s is until yesterday",
  async (word) => {
    const { filters } = await readList({ due_date_until: word });
    expect(filters).toContain(`due date until 2026-11-21 (${word})`);
  },
);

describe("get_issue_details is read generously", () => {
  const [OWN, OTHER] = ["Write the release notes", "Dark mode for the admin"];
  const DOUBT = `issue_title "${OTHER}" is not the title of WEB-7: make sure that it is the issue meant.`;
  test.each([
    [{ issue_key: " 「ｗｅｂ－７」 " }, []],
    [{ issue_key: 1078835246 }, []],
    [{ issueKey: "WEB-7" }, ["issueKey was taken for issue_key."]],
    [{ key: "WEB-7" }, ["key was taken for issue_key."]],
    [{ issue_key: "WEB-7", issue_title: null }, []],
    [{ issue_key: "WEB-7", issue_title: OWN }, []],
    [{ issue_key: "WEB-7", issue_title: OTHER }, [DOUBT]],
  ])("%j, with the notes %j", async (args, expected) => {
    const { text, notes } = await readIssue(args);
    expect(text).toStartWith("# WEB-7 Write the release notes\n");
    expect(notes).toEqual(expected);
  });
});

/** What a refused call says; that no request was sent is checked here. */
async function refusalOf(
  read: typeof readIssue | typeof readList,
  args: Record<string, unknown>,
): Promise<string> {
  const { text, isError, requests } = await read(args);
  expect([isError, requests]).toEqual([true, []]);
  expect(text.length).toBeLessThan(2_000);
  return text;
}

const SEARCH =
  "issue_key is needed; to find an issue by its title call get_user_issue_list with keyword";
const CALL = `get_user_issue_list {"keyword":"Login","assignee_names":["anyone"],"status_names":["any"]}`;
const ONE_EACH =
  'issue_key names 2 issues, and one call reads one; one call each: issue_key "WEB-1", issue_key "WEB-2"';
const MARS =
  'timezone: "Mars" names no time zone. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC';

describe("get_issue_details refuses before any request", () => {
  const WEB_1 = { issue_key: "WEB-1" };
  const ARGUMENTS = "the arguments are issue_key, issue_title, timezone";
  test.each([
    [{}, SEARCH],
    [{ issue_key: null }, SEARCH],
    [{ issue_key: " ", issue_title: " Login " }, `${SEARCH}: ${CALL}`],
    [{ issue_key: ["WEB-1", "WEB-2"] }, ONE_EACH],
    [{ ...WEB_1, timezone: "Mars" }, MARS],
    [{ ...WEB_1, timezone: ["UTC", "JST"] }, "timezone: give one text"],
    [{ ...WEB_1, status: 1 }, `no argument "status"\n${ARGUMENTS}`],
    [{ ...WEB_1, zone: 1 }, 'no argument "zone"; the nearest is timezone'],
    [{ issueNr: 1 }, 'no argument "issueNr"; the nearest is issue_key'],
  ])("%j", async (args, expected) => {
    expect(await refusalOf(readIssue, args)).toBe(expected);
  });
});

const OTHERS = `
the arguments are project_keys, assignee_names, status_names, milestone_names, issue_type_names, category_names, priority_names, created_user_names, parent_issue_keys, project_ids and 23 more`;

describe("get_user_issue_list refuses before any request", () => {
  const NO_DATE =
    "is not a date; use YYYY-MM-DD, today, yesterday, -7d, +2w, -1m, this week, last month, Friday";
  const ONE = "get_issue_details reads one issue";
  const NO_NUMBER = "use a whole number from 0";
  const IDS = "project_ids: give a list such as [1, 2]";
  const WORDS = 'status_names: give a list such as ["a", "b"]';
  const GROUPS = "count_by: type, status, due are 3; use one or two";
  const COUNTS =
    "count_by: it counts issues, and history_… tells what happened in them: ask for one of the two";
  const NO_DAY =
    "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two";
  const TURNED =
    "updated_since (2026-11-22) is after updated_until (2026-11-21): exchange them";
  const HISTORY_TURNED =
    "history_since (2026-11-21) is after history_until (2026-11-19): exchange them";
  const BESIDE = "status stands beside status_names: give status_names alone";
  test.each([
    [{ updated_until: 5 }, `updated_until: "5" ${NO_DATE}`],
    [{ due_date_since: "today", due_date_until: "none" }, NO_DAY],
    [{ updated_since: "today", updated_until: "-1d" }, TURNED],
    [{ history_since: "-1d", history_until: "-3d" }, HISTORY_TURNED],
    [{ count_by: "type, status, due" }, GROUPS],
    [{ count_by: ["type"], history_since: "-7d" }, COUNTS],
    [{ count_by: ["type"], history_by_names: ["me"] }, COUNTS],
    [{ limit: 1.5 }, `limit: ${NO_NUMBER}`],
    [{ limit: "many" }, `limit: ${NO_NUMBER}`],
    [{ offset: -1 }, `offset: ${NO_NUMBER}`],
    [{ keyword: ["a", "b"] }, "keyword: give one text"],
    [{ project_ids: true }, IDS],
    [{ project_ids: [[1]] }, IDS],
    [{ status_names: { name: "Open" } }, WORDS],
    [{ status: "Open", status_names: ["Closed"] }, BESIDE],
    // Near nothing, of any length.
    [{ ["x".repeat(5_000)]: 1 }, `no argument "${"x".repeat(60)}…"${OTHERS}`],
    [{ "": 1 }, `no argument ""${OTHERS}`],
    [{ issue_key: "WEB-5" }, `no argument "issue_key"; ${ONE}`],
    [{ key: "WEB-5" }, `no argument "key"; ${ONE}`],
    [{ due_date_since: "overdue" }, `due_date_since: "overdue" ${NO_DATE}`],
  ])("%j", async (args, expected) => {
    expect(await refusalOf(readList, args)).toBe(expected);
  });

  test("and tells all that is wrong at once", async () => {
    const days = { created_since: "soon", due_date_since: "2026-00-01" };
    const order = { count_by: ["size"], sort: "summary", order: "up" };
    const fields = { timezone: "Mars", custom_fields: ["Cost"] };
    expect(await refusalOf(readList, { ...days, ...order, ...fields })).toBe(`\
${MARS}
created_since: "soon" ${NO_DATE}
due_date_since: 2026-00-01 does not exist; months go from 01 to 12
count_by: "size" is nothing to count by; use one or two of project, assignee, status, type, priority, milestone, category, created_by, due
sort: use one of updated, created, due_date, priority, status
order: use one of asc, desc
custom_fields "Cost": give a field, =, >= or <=, and a value, as in "Cost>=100"`);
  });

  test("and names ten unknown arguments, with what is near", async () => {
    const known = { assignees: "me", dueDateUntil: "today", overdue: true };
    const others = Array.from({ length: 9 }, (_, n) => [`0${n}`, n]);
    const args = { ...known, ...Object.fromEntries(others) };
    const unknown = others.slice(0, 7).map(([name]) => `no argument "${name}"`);
    expect(await refusalOf(readList, args)).toBe(`\
no argument "assignees"; the nearest is assignee_ids
no argument "dueDateUntil"; the nearest is due_date_until
no argument "overdue"; use due_date_until "yesterday"
${unknown.join("\n")}
and 2 more unknown${OTHERS}`);
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
    expect(text).toStartWith(
      'USER_ID is "ken", which is neither a numeric ID ',
    );
    const all = await readList({ assignee_names: ["anyone"] }, {}, server);
    expect(all.isError).toBe(false);
  });
});
