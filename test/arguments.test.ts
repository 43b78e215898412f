import { describe, expect, test } from "bun:test";
import { sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";

const WEB = 1073835211;
const OPS = 1073840000;

/** What a list asks of Backlog and says of its filters. */
async function listWith(args: Record<string, unknown>) {
  await using space = startSampleSpace();
  await using server = await connectInProcess(space);
  const { text, isError } = await server.list(args);
  const page = space.requests.find(({ path }) => path === "/issues");
  return { text, isError, query: page?.query ?? "", host: space.host };
}

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
  return text.replaceAll(space.host, "HOST");
}

describe("a list of IDs", () => {
  test.each([
    ["a list of numbers", [WEB, OPS]],
    ["a list of digits", [`${WEB}`, `${OPS}`]],
    ["a list as JSON", `[${WEB},${OPS}]`],
    ["a list as JSON, of texts", `["${WEB}", "${OPS}"]`],
    ["a list with commas", `${WEB},${OPS}`],
    ["a list with commas and spaces", ` ${WEB} , ${OPS} `],
    ["a list with Japanese commas", `${WEB}、${OPS}`],
    ["full-width digits", ["１０７３８３５２１１", "１０７３８４００００"]],
    ["quoted digits", [`"${WEB}"`, `「${OPS}」`]],
    ["empty items beside", [WEB, null, "", OPS]],
    // A word in an _ids list is read as one of the matching list of words.
    ["words among them", ["WEB", OPS]],
  ])("comes as %s", async (_, project_ids) => {
    const { query, isError } = await listWith({ project_ids });
    expect(isError).toBe(false);
    const ids = query.split("&").filter((part) => part.startsWith("project"));
    expect(ids.sort()).toEqual([`projectId[]=${WEB}`, `projectId[]=${OPS}`]);
  });

  test.each([
    ["a number", WEB],
    ["digits", `${WEB}`],
    ["one of a list", [WEB]],
  ])("of one comes as %s", async (_, project_ids) => {
    const { query } = await listWith({ project_ids });
    expect(query).toContain(`projectId[]=${WEB}&`);
  });
});

describe("not given", () => {
  test.each([
    ["null", null],
    ["an empty list", []],
    ["an empty list as JSON", "[]"],
    ["an empty text", ""],
    ["spaces", "  "],
    ["a list of nothing", [null, "", " "]],
  ])("is %s, for every list", async (_, nothing) => {
    const { query, text } = await listWith({
      project_keys: nothing,
      project_ids: nothing,
      assignee_names: nothing,
      assignee_ids: nothing,
      status_names: nothing,
      status_ids: nothing,
      milestone_names: nothing,
      milestone_ids: nothing,
      parent_issue_keys: nothing,
      parent_issue_ids: nothing,
      issue_type_names: nothing,
      category_names: nothing,
      priority_names: nothing,
      created_user_names: nothing,
    });
    expect(query).toBe(
      "assigneeId[]=1073936937&statusId[]=1&statusId[]=2&statusId[]=3&sort=updated&order=desc&offset=0&count=100",
    );
    expect(text).toStartWith("12 issues match; all shown");
  });

  test.each([
    ["null", null],
    ["an empty text", ""],
  ])("is %s, for everything else", async (_, nothing) => {
    const { query, isError } = await listWith({
      keyword: nothing,
      created_since: nothing,
      due_date_until: nothing,
      sort: nothing,
      order: nothing,
      limit: nothing,
      offset: nothing,
      timezone: nothing,
    });
    expect(isError).toBe(false);
    expect(query).toBe(
      "assigneeId[]=1073936937&statusId[]=1&statusId[]=2&statusId[]=3&sort=updated&order=desc&offset=0&count=100",
    );
  });
});

describe("a single argument is read generously", () => {
  test.each([
    [{ limit: "5" }, "12 issues match; 1 to 5 are shown"],
    [{ limit: "５" }, "12 issues match; 1 to 5 are shown"],
    [{ limit: " '5' " }, "12 issues match; 1 to 5 are shown"],
    [{ offset: "10" }, "12 issues match; 11 to 12 are shown"],
    [{ sort: "Created" }, "12 issues match; all shown, newest first."],
    [
      { sort: "due_date" },
      "12 issues match; all shown, earliest due date first.",
    ],
    [
      { sort: '"due_date"', order: "DESC" },
      "12 issues match; all shown, latest due date first.",
    ],
    [
      { sort: "priority" },
      "12 issues match; all shown, highest priority first.",
    ],
  ])("%j", async (args, expected) => {
    expect((await listWith(args)).text).toStartWith(expected);
  });

  test.each([
    [{ due_date_until: "yesterday" }, "dueDateUntil=2026-11-21"],
    [{ due_date_until: "'today'" }, "dueDateUntil=2026-11-22"],
    [{ created_since: "-1m" }, "createdSince=2026-10-22"],
    [{ updated_since: "－７ｄ" }, "updatedSince=2026-11-15"],
    [
      { start_date_since: "2026-11-01", start_date_until: "2026-11-01" },
      "startDateSince=2026-11-01&startDateUntil=2026-11-01",
    ],
    // 03:00 in UTC: still the day before in Los Angeles.
    [
      { created_until: "today", timezone: "America/Los_Angeles" },
      "createdUntil=2026-11-21",
    ],
    [{ due_date_until: 20261130 }, "dueDateUntil=2026-11-30"],
    [
      { updated_until: "2026-11-20T20:30:00Z", timezone: "日本" },
      "updatedUntil=2026-11-21",
    ],
    // Text to search for is taken as it is.
    [{ keyword: ' "a&b" 課題 ' }, 'keyword= "a&b" 課題 &'],
    [{ keyword: 5 }, "keyword=5&"],
  ])("%j asks for %s", async (args, expected) => {
    const { query } = await listWith(args);
    expect(query).toContain(expected);
  });

  test("and dates are told as they were understood", async () => {
    const { text } = await listWith({
      created_since: "-1m",
      due_date_until: "2026-11-30",
      timezone: "Asia/Tokyo",
    });
    expect(text.split("\n")[1]).toEndWith(
      "; created since 2026-10-22 (-1m); due date until 2026-11-30; days probably as Asia/Tokyo has them.",
    );
  });

  // 03:00 in UTC: noon in Tokyo, and still the day before in Los Angeles.
  test.each([
    ["Asia/Tokyo", { due_date_until: "today" }, "(timezone not given)"],
    [undefined, { due_date_until: "today" }, "(timezone not given)"],
    [
      "America/Los_Angeles",
      { due_date_until: "this week" },
      "(timezone not given; this machine is in America/Los_Angeles, where it is 2026-11-21)",
    ],
    ["Asia/Tokyo", { due_date_until: "2026/11/30" }, undefined],
    ["Asia/Tokyo", { due_date_until: "today", timezone: "UTC" }, undefined],
  ])("today on a machine in %s, %j: %p", async (zone, args, expected) => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space, {
      ...(zone !== undefined && { zone }),
    });
    const { text } = await server.list(args);
    const [, filters = ""] = text.split("\n");
    expect(/today is 2026-11-22 in UTC (\(.*?\))/.exec(filters)?.[1]).toBe(
      expected,
    );
    expect(space.requests.map(({ path }) => path)).not.toContain("/space");
  });

  test("without the space's zone its days are told as such", async () => {
    await using space = startSampleSpace({
      answer: (_, path) => (path === "/space" ? Response.json({}) : undefined),
    });
    await using server = await connectInProcess(space);
    const { text } = await server.list({ updated_since: "2026-11-01" });
    expect(text).toContain(
      "; days probably as the space's time zone has them.",
    );
  });

  test.each([
    ["badge printing", true],
    ["badgeprinting", false],
  ])(
    "keyword %s that finds nothing asks for fewer words: %p",
    async (keyword, isAdvised) => {
      const { text } = await listWith({ keyword });
      expect(text).toStartWith("No issues match.");
      expect(text.includes("try fewer words")).toBe(isAdvised);
    },
  );

  test.each([
    [" 「ｗｅｂ－７」 ", "WEB-7"],
    [1078835246, "WEB-7"],
    ["http://HOST/view/WEB-7", "WEB-7"],
  ])("issue_key %j is %s", async (given, key) => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const issue_key =
      typeof given === "string" ? given.replace("HOST", space.host) : given;
    const { text } = await server.details({ issue_key });
    expect(text).toStartWith(`# ${key} Write the release notes\n`);
  });
});

describe("issue_title", () => {
  test.each([
    ["the title", "Write the release notes", false],
    ["nothing", null, false],
    ["another title", "Dark mode for the admin pages", true],
  ])("that is %s", async (_, issue_title, isNoted) => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const { text } = await server.details({ issue_key: "WEB-7", issue_title });
    expect(text).toStartWith("# WEB-7 Write the release notes\n");
    const note = `Note: issue_title "${issue_title}" is not the title of WEB-7: make sure that it is the issue meant.`;
    expect(text.includes(note)).toBe(isNoted);
    expect(text.includes("issue_title")).toBe(isNoted);
  });
});

const NEEDED =
  "issue_key is needed; to find an issue by its title call get_user_issue_list with keyword";
const NO_DATE =
  "is not a date; use YYYY-MM-DD, today, yesterday, -7d, +2w, -1m, this week, last month, Friday";

describe("get_issue_details refuses before any request", () => {
  test.each([
    ["no key", {}, NEEDED],
    ["null", { issue_key: null }, NEEDED],
    ["an empty key", { issue_key: " " }, NEEDED],
    [
      "a title alone",
      { issue_title: "Login" },
      `${NEEDED}: get_user_issue_list {"keyword":"Login","assignee_names":["anyone"],"status_names":["any"]}`,
    ],
    [
      "a list of two keys",
      { issue_key: ["WEB-1", "WEB-2"] },
      'issue_key names 2 issues, and one call reads one; one call each: issue_key "WEB-1", issue_key "WEB-2"',
    ],
    [
      "two keys in one",
      { issue_key: "WEB-1, WEB-2" },
      'issue_key names 2 issues, and one call reads one; one call each: issue_key "WEB-1", issue_key "WEB-2"',
    ],
    [
      "an unknown time zone",
      { issue_key: "WEB-1", timezone: "CST" },
      'timezone: "CST" names more than one time zone: America/Chicago, Asia/Shanghai. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC',
    ],
    [
      "a list as time zone",
      { issue_key: "WEB-1", timezone: ["UTC", "JST"] },
      `timezone: give one text`,
    ],
    [
      "an unknown argument",
      { issue_key: "WEB-1", time_zone: "UTC" },
      `no argument "time_zone"; the nearest is timezone`,
    ],
    [
      "another spelling of an argument",
      { issueNumber: "WEB-1" },
      'no argument "issueNumber"; the nearest is issue_key',
    ],
  ])("%s", async (_, args, expected) => {
    expect(await refusalOf("details", args)).toBe(expected);
  });
});

describe("get_user_issue_list refuses before any request", () => {
  test.each([
    [
      "an impossible day",
      { due_date_until: "2026-02-30" },
      "due_date_until: 2026-02-30 does not exist; 2026-02 has 28 days",
    ],
    [
      "words that are no date",
      { updated_since: "some day" },
      `updated_since: "some day" ${NO_DATE}`,
    ],
    [
      "a number that is no date",
      { updated_until: 5 },
      `updated_until: "5" ${NO_DATE}`,
    ],
    [
      "a first day of issues without a due date",
      { due_date_since: "today", due_date_until: "none" },
      "due_date_since: issues without a due date (due_date_until none) are due on no day; give one of the two",
    ],
    [
      "since after until",
      { due_date_since: "2026-12-01", due_date_until: "2026-11-30" },
      "due_date_since (2026-12-01) is after due_date_until (2026-11-30): exchange them",
    ],
    [
      "since after until, reckoned from today",
      { updated_since: "today", updated_until: "-1d" },
      "updated_since (2026-11-22) is after updated_until (2026-11-21): exchange them",
    ],
    [
      "an unknown time zone",
      { timezone: "Mars" },
      'timezone: "Mars" names no time zone. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC',
    ],
    [
      "everything that is wrong, at once",
      {
        timezone: "Mars",
        created_since: "soon",
        due_date_since: "2026-00-01",
        sort: "summary",
        order: "up",
      },
      `timezone: "Mars" names no time zone. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC
created_since: "soon" ${NO_DATE}
due_date_since: 2026-00-01 does not exist; months go from 01 to 12
sort: use one of updated, created, due_date, priority, status
order: use one of asc, desc`,
    ],
    ["half a limit", { limit: 1.5 }, "limit: use a whole number from 0"],
    ["a limit below 0", { limit: -1 }, "limit: use a whole number from 0"],
    ["a limit in words", { limit: "many" }, "limit: use a whole number from 0"],
    ["an offset below 0", { offset: -1 }, `offset: use a whole number from 0`],
    ["several keywords", { keyword: ["a", "b"] }, `keyword: give one text`],
    [
      "a truth where IDs belong",
      { project_ids: true },
      `project_ids: give a list such as [1, 2]`,
    ],
    [
      "an object where names belong",
      { status_names: { name: "Open" } },
      `status_names: give a list such as ["a", "b"]`,
    ],
    [
      "a list within a list",
      { project_ids: [[1]] },
      `project_ids: give a list such as [1, 2]`,
    ],
    [
      "an unknown argument",
      { project_key: ["WEB"] },
      `no argument "project_key"; the nearest is project_keys`,
    ],
    [
      "several unknown arguments",
      { assignees: "me", dueDateUntil: "today", Limit: 5, overdue: true },
      `no argument "assignees"; the nearest is assignee_ids
no argument "dueDateUntil"; the nearest is due_date_until
no argument "Limit"; the nearest is limit
no argument "overdue"; use due_date_until "yesterday"`,
    ],
    [
      "an unknown argument that is near nothing, of any length",
      { ["x".repeat(5_000)]: 1 },
      `no argument "${"x".repeat(60)}…"`,
    ],
    ["an argument without a name", { "": 1 }, 'no argument ""'],
    [
      "another name beside the argument itself",
      { status: "Open", status_names: ["Closed"] },
      "status stands beside status_names: give status_names alone",
    ],
  ])("%s", async (_, args, expected) => {
    expect(await refusalOf("list", args)).toBe(expected);
  });
});

describe("another name that is clear is taken, with a note", () => {
  test.each([
    ["status", "Open", "statusId[]=1", "status_names"],
    ["assignee", "anyone", "sort=updated", "assignee_names"],
    ["priority", "High", "priorityId[]=2", "priority_names"],
    ["project", "WEB", `projectId[]=${WEB}`, "project_keys"],
    ["query", "login", "keyword=login", "keyword"],
  ])("%s", async (name, value, asked, meant) => {
    const { text, query } = await listWith({ [name]: value });
    expect(query).toContain(asked);
    expect(text).toContain(`Note: ${name} was taken for ${meant}.`);
  });

  test.each(["issueKey", "key"])("%s", async (name) => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const { text } = await server.details({ [name]: "WEB-1" });
    expect(text).toStartWith("# WEB-1 ");
    expect(text).toContain(`Note: ${name} was taken for issue_key.`);
  });
});

describe("an order as people say it", () => {
  test.each([
    [{ sort: "dueDate" }, "sort=dueDate&order=asc"],
    [{ sort: "due" }, "sort=dueDate&order=asc"],
    [{ sort: "期限日", order: "降順" }, "sort=dueDate&order=desc"],
    [{ sort: "newest" }, "sort=created&order=desc"],
    [{ sort: "Oldest" }, "sort=created&order=asc"],
    [{ sort: "更新日" }, "sort=updated&order=desc"],
    [{ order: "Ascending" }, "sort=updated&order=asc"],
  ])("%p asks %s", async (args, asked) => {
    expect((await listWith(args)).query).toContain(asked);
  });
});

test("a limit over 500 is 500, and says so", async () => {
  const { text } = await listWith({ limit: 1_000 });
  expect(text).toContain(
    "Note: limit 1000 was taken for 500, the most of one call.",
  );
});

describe("USER_ID", () => {
  test("that is a number is taken without asking who the key's owner is", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space, {
      userId: "1073936940",
    });
    const { text } = await server.list();
    expect(space.requests.map(({ path }) => path)).not.toContain(
      "/users/myself",
    );
    expect(text).toStartWith("1 issue matches; all shown");
    expect(text).toContain("assignee 伊藤 健 (1073936940) by default");
  });

  test.each(["hana", "HANA", "Hana Mori", "hanamori"])(
    "%s is the key's owner",
    async (userId) => {
      await using space = startSampleSpace();
      await using server = await connectInProcess(space, { userId });
      const { text } = await server.list();
      expect(text).toContain("assignee Hana Mori (1073936937) by default");
    },
  );

  test("that is anybody else's login is explained, with the number", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space, { userId: "ken" });
    expect(await server.list()).toEqual({
      text: 'USER_ID is "ken", which is neither a numeric ID nor the login, display name or unique name of the key\'s owner. Set it to 1073936937 (Hana Mori), or remove it: Backlog is then asked who you are.',
      isError: true,
    });
  });

  test("that is wrong harms no list without me, and no issue", async () => {
    await using space = startSampleSpace({ data: sampleData() });
    await using server = await connectInProcess(space, { userId: "nobody" });
    const list = await server.list({ assignee_names: ["anyone"] });
    expect(list.isError).toBe(false);
    const details = await server.details({ issue_key: "WEB-1" });
    expect(details.isError).toBe(false);
  });
});
