import { describe, expect, test } from "bun:test";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { type Issue, never, parseList, passOn, readList } from "./helpers.ts";

type Args = Record<string, unknown> & { offset?: number; limit?: number };
type Answer = NonNullable<SampleSpaceOptions["answer"]>;

const ANY = { status_names: ["any"] };
const UP = { order: "asc" };
const UNDUE = { due_date_until: "none" };
/** The way of what Backlog cannot be asked for. */
const ONE_BY_ONE = { switches: { noDueDate: "ignored" } } as const;

/** Everybody's issues. */
function ask(args: Args, options: SampleSpaceOptions) {
  return readList({ assignee_names: ["anyone"], ...args }, options);
}

/** Every row of a question, by its next calls. */
async function walk(args: Args, options: SampleSpaceOptions) {
  const keys: string[] = [];
  let next: Args | undefined = args;
  for (let calls = 0; next && calls < 40; calls += 1) {
    const answer: Awaited<ReturnType<typeof ask>> = await ask(next, options);
    keys.push(...answer.keys);
    next = answer.next;
  }
  return keys;
}

/** The issues that match, in the order asked for. */
function toMatching({ issues }: SpaceData, args: Args = {}): Issue[] {
  const field = args.sort === "due_date" ? "dueDate" : "updated";
  const sign = args.sort === "due_date" || args.order === "asc" ? 1 : -1;
  const toPlace = (issue: Issue) => `${issue[field] ?? "~"} ${issue.id}`;
  return issues
    .filter(({ status }) => args.status_names || status.id !== 4)
    .filter(({ dueDate }) => !args.due_date_until || dueDate === null)
    .filter(({ issueKey }) => !args.project_keys || /^P1-/.test(issueKey))
    .toSorted((a, b) => (toPlace(a) < toPlace(b) ? -sign : sign));
}

function toKeys(data: SpaceData, args?: Args): string[] {
  return toMatching(data, args).map(({ issueKey }) => issueKey);
}

/** Everybody's are mine; without a share of closed ones none is. */
function plain(projects: number, issues: number, closedShare = 0): SpaceData {
  return largeData({ projects, issues, closedShare });
}

/** With custom statuses, which have a twentieth of the issues. */
function custom(projects: number, issues: number, closedShare = 0.3) {
  const customStatuses = true;
  return largeData({ projects, issues, closedShare, customStatuses });
}

/** The same, each issue's status chosen by its place, newest update first. */
function byPlace(
  data: SpaceData,
  toStatus: (place: number, custom: number[]) => number | undefined,
): SpaceData {
  const own = data.projects.map(
    ({ statuses }) => statuses.find(({ id }) => id > 4)?.id ?? 0,
  );
  for (const [place, issue] of toMatching(data, ANY).entries()) {
    const { id } = issue.status;
    issue.status = { ...issue.status, id: toStatus(place, own) ?? id };
  }
  return data;
}

/** Of whose issues the oldest are closed, but for the last some. */
function closedFirst(projects: number, issues: number, open: number) {
  return byPlace(custom(projects, issues), (place, [own]) =>
    place >= open ? 4 : place % 10 === 0 ? own : 1,
  );
}

/** More of them than there are pages, so that pages are what is read. */
const MANY = closedFirst(40, 3_000, 500);

/** The same, but for some places that are open. */
function mostOpen(from: number, to: number): SpaceData {
  return byPlace(closedFirst(40, 3_000, 500), (place) =>
    place >= from && place < to ? 1 : undefined,
  );
}

/** Most are closed, so that the projects' statuses are the cheaper way. */
const CLOSED = byPlace(custom(2, 1_500), (place, [one, two]) =>
  place % 50 > 2 ? 4 : [one, two, 1][place % 50],
);

/** Refuses the requests that the pattern fits. */
function refusing(status: number, pattern: RegExp): Answer {
  const errors = [{ message: "No.", code: 7, moreInfo: "" }];
  return ({ url }) =>
    pattern.test(decodeURIComponent(url).replace(/^.*\/api\/v2/, ""))
      ? Response.json({ errors }, { status })
      : undefined;
}

/** Passes the pages of issues on, as they are made to be. */
function changing(
  data: SpaceData,
  change: (rows: Args[], offset: number) => unknown[],
  switches: SampleSpaceOptions["switches"] = {},
): Answer {
  return passOn({ data, switches }, "/issues", change);
}

describe("the rows asked for, in order, and the true total", () => {
  const NONE = byPlace(custom(60, 90), (place) => (place % 4) + 1);
  const BEHIND = byPlace(custom(40, 600), (place, [own]) =>
    place < 250 ? 4 : own,
  );
  const FIRST = closedFirst(20, 3_000, 500);
  const UNDUE_FIRST = plain(2, 250);
  for (const issue of UNDUE_FIRST.issues.slice(0, 120)) issue.dueDate = null;
  const NO_COUNT = { answer: refusing(503, /s.count/) };
  const NO_STANDARD = { answer: refusing(503, /s.count.*Id..=1/) };
  const NO_PROJECTS = { answer: refusing(403, /^.projects$/) };
  const REFUSED = { answer: refusing(400, /^.issues.*Id..=\d\d\d/) };
  const NEITHER = { ...ONE_BY_ONE, ...NO_COUNT };
  const NO_ROW = { sort: "priority", limit: 0 };
  const P1 = { project_keys: ["P1"] };
  const TOO_LONG = { answer: refusing(414, /^.issues.*Id..=\d\d\d/) };

  /** Pages, counts, projects' statuses and lists of projects. */
  type Cost = [pages: number, counts: number, statuses: number, lists: number];
  type Row = [string, SpaceData, Args, Cost | null, SampleSpaceOptions?];
  test.each<Row>([
    ["fewer than a page", plain(60, 90, 0.3), {}, [1, 2, 0, 0]],
    ["a full page", plain(60, 1_000, 0.3), {}, [1, 3, 0, 0]],
    ["an offset", plain(60, 1_000, 0.3), { offset: 300 }, [1, 3, 0, 0]],
    ["several pages", plain(60, 300, 0.1), { limit: 210 }, [3, 3, 0, 0]],
    ["behind the last", plain(60, 90, 0.3), { offset: 63 }, [1, 3, 0, 0]],
    ["a last page", plain(2, 450), { offset: 400 }, null, NO_STANDARD],
    ["that of any", plain(2, 450), { ...ANY, offset: 400 }, null, NO_COUNT],
    ["counts alone", plain(2, 240, 0.3), NO_ROW, [0, 2, 0, 0]],
    // Where custom statuses are, all pages are read, and the closed dropped.
    ["few pages", custom(60, 150, 0.2), {}, [3, 3, 0, 0]],
    ["no more of these", custom(60, 2_000, 0.2), { limit: 50 }, [2, 3, 0, 0]],
    ["one row", custom(3, 900, 0.7), { limit: 1 }, [2, 3, 0, 0]],
    ["30", custom(3, 900, 0.5), { offset: 120, limit: 30 }, [4, 3, 0, 0]],
    ["behind all", custom(3, 900, 0.7), { offset: 500 }, [1, 3, 0, 0]],
    ["none in custom statuses", NONE, {}, [1, 2, 0, 0]],
    ["all in these, behind closed ones", BEHIND, { limit: 20 }, [4, 2, 0, 0]],
    ["more projects than pages", MANY, UP, [27, 3, 0, 1]],
    ["as many as can be closed", mostOpen(500, 1_500), UP, [17, 3, 0, 1]],
    ["projects that are not listed", CLOSED, {}, [16, 2, 0, 1], NO_PROJECTS],
    // The projects are asked for their statuses, where that costs less.
    ["mostly closed", custom(2, 1_500, 0.93), {}, [2, 3, 2, 1]],
    ["the last of 4", custom(4, 900, 0.5), { offset: 400 }, [2, 4, 4, 1]],
    ["three pages", custom(2, 1_000, 0.7), { limit: 210 }, [4, 4, 2, 1]],
    ["due first", custom(20, 3_000, 0.8), { sort: "due_date" }, [2, 4, 20, 1]],
    ["the closed ones first", FIRST, UP, [2, 4, 20, 1]],
    ["one project", custom(9, 2_700, 0.95), P1, [2, 2, 1, 1]],
    // Tried, and then all pages are read.
    ["a refused filter", CLOSED, {}, [17, 2, 2, 1], REFUSED],
    ["an address too long", CLOSED, {}, [17, 2, 2, 1], TOO_LONG],
    // The first page holds nothing but these, and is not taken for all.
    ["one by one", UNDUE_FIRST, UNDUE, null, ONE_BY_ONE],
    ["uncounted", plain(2, 250), { ...UNDUE, ...ANY }, null, NEITHER],
  ])("%s", async (...[, data, args, cost, options]) => {
    const { offset = 0, limit = 100 } = args;
    const expected = toKeys(data, args);
    const end = offset + limit;
    for (const mixedStatuses of ["ignored", "refused"] as const) {
      const switches = { ...options?.switches, mixedStatuses };
      const answer = await ask(args, { ...options, data, switches });
      expect(answer.keys).toEqual(expected.slice(offset, end));
      expect(answer.total).toBe(expected.length);
      const isMore = limit > 0 && end < expected.length;
      expect(answer.next?.offset).toBe(isMore ? end : undefined);
      expect(answer.notes).toEqual([]);
      if (cost) expect(Object.values(answer.cost)).toEqual(cost);
    }
  });
});

describe("custom statuses that cannot be found are counted", () => {
  const first: Answer = (_, path) =>
    path === "/projects"
      ? Response.json([CLOSED.projects[0]?.project])
      : undefined;
  const switches = { unreadableProjects: ["P2"] };
  test.each<[string, SampleSpaceOptions, ...string[]]>([
    ["see the notes", { switches }, "The statuses of P2 could not be read: "],
    ["no project lists their status", { answer: first }],
  ])("%s", async (why, options, ...unread) => {
    const answer = await ask({}, { data: CLOSED, ...options });
    expect([answer.total, answer.keys.length]).toEqual([90, 60]);
    expect(answer.notes).toEqual([
      `Missing here: 30 of the 90 that are not closed, in custom statuses that could not be found (${why}).`,
      ...unread.map((note) => expect.stringContaining(note)),
    ]);
    expect(answer.next).toBeUndefined();
    const behind = await ask({ offset: 70 }, { data: CLOSED, ...options });
    expect(behind.text).toStartWith(
      "90 issues match, none from offset 70 on can be shown; see the notes.",
    );
  });

  test.each([30, 100])(
    "a walk of %i that read pages first does not lack them",
    async (limit) => {
      const data = custom(3, 900, 0.5);
      const args = { assignee_names: ["anyone"], limit };
      expect(await walk(args, { data, switches })).toEqual(toKeys(data));
    },
  );

  test("or may be missing, where the count fails", async () => {
    const data = custom(2, 1_500, 0.8);
    const answer = refusing(503, /s.count.*Id..=\d\d/);
    const { notes, total, keys } = await ask({}, { data, answer });
    expect(total).toBe(toKeys(data).length);
    expect(keys).toEqual(toKeys(data).slice(0, 100));
    expect(notes).toEqual([
      expect.stringMatching(/^How many .* custom statuses may be missing.$/),
    ]);
  });
});

const ALL = /s.count(?!.*statusId)/;
const STANDARD = /s.count.*Id..=1/;
const CLOSED_ONES = /s.count.*Id..=4/;

describe("a page that fails", () => {
  const ONLY = (rows: number, of: number) =>
    RegExp(`^Only ${rows} of ${of} could be read: Backlog refused GET`);
  const OTHERS =
    /^Not all could be read one by one, so that others may match: Backlog/;
  const undue = plain(2, 250);
  test.each<[string, SpaceData, Args, RegExp, number, RegExp]>([
    ["others", plain(2, 500), { limit: 500 }, /set=200/, 200, ONLY(200, 500)],
    ["closed ones", mostOpen(2_997, 3_000), UP, /set=100&/, 3, ONLY(3, 100)],
    ["what is looked at", undue, UNDUE, /Id..=1.*set=100/, 25, OTHERS],
  ])("behind %s leaves these", async (_, data, args, page, rows, note) => {
    const options = { ...ONE_BY_ONE, data, answer: refusing(429, page) };
    const { keys, notes, next, total } = await ask(args, options);
    expect(keys).toEqual(toKeys(data, args).slice(0, rows));
    expect(total > 0).toBe(note !== OTHERS);
    expect(notes).toEqual([expect.stringMatching(note)]);
    expect(next?.offset).toBe(rows);
  });
});

test.each<[string, SpaceData, Args, number, RegExp]>([
  ["the first page of all", MANY, {}, 503, /^.issues\?/],
  ["that of any status", MANY, ANY, 400, /^.issues\?/],
  ["a page among closed ones", MANY, UP, 429, /^.issues\?(?!.*statusId)/],
  ["one in custom statuses", CLOSED, {}, 503, /^.issues\?.*Id..=\d\d/],
  ["the count of all, at an offset", MANY, { offset: 100 }, 503, ALL],
  ["that of closed ones", MANY, { offset: 10 }, 503, CLOSED_ONES],
  ["of standard ones", MANY, { offset: 10, limit: 5 }, 503, STANDARD],
  ["of all, behind all", plain(2, 130), { offset: 130 }, 503, ALL],
])("without %s there is but an error", async (_, data, args, status, part) => {
  const answer = refusing(status, part);
  const { isError, text } = await ask(args, { data, answer });
  expect(isError).toBe(true);
  expect(text).toMatch(/^Backlog (refused|failed on) GET .issues/);
  const isOfCounts = text.includes(" Behind the first rows of what is not cl");
  expect(isOfCounts).toBe("offset" in args);
});

describe("a count that fails", () => {
  const UNCOUNTED =
    "100 issues are shown, newest update first; how many match in all could not be counted.";
  const data = plain(2, 130);

  const FEWER =
    "So only Open, In Progress and Resolved are read here. Issues in custom statuses may be missing.";
  test.each<[string, RegExp, Args, string, shown: number, next?: number]>([
    ["any", ALL, ANY, UNCOUNTED, 100, 100],
    ["any behind any", ALL, { ...ANY, offset: 130 }, "No issue ", 0],
    ["pages of any", ALL, { ...ANY, limit: 110 }, UNCOUNTED, 100, 100],
    // Of those not closed only standard ones, from whose offset nothing goes on.
    ["all", /s.count/, {}, UNCOUNTED, 100, 0],
    ["closed ones", CLOSED_ONES, { limit: 10 }, "10 issues are shown, ", 10, 0],
    ["pages", ALL, { limit: 110 }, "110 issues are shown, ", 110, 0],
    ["standard ones", STANDARD, {}, "130 issues match; 1 to 100 ", 100, 0],
    ["all, and all are shown", ALL, { limit: 200 }, "130 issues are ", 130, 0],
  ])("of %s leaves what there is", async (...row) => {
    const [, pattern, args, start, shown, next] = row;
    const seen = await ask(args, { data, answer: refusing(503, pattern) });
    expect(seen.text).toStartWith(start);
    expect(seen.keys).toEqual(toKeys(data).slice(0, shown));
    const [note, ...others] = seen.notes;
    expect(note).toMatch(/^(The total could not|Not all could) be counted/);
    expect(note?.endsWith(FEWER)).toBe(next === 0);
    expect(others).toEqual([]);
    expect(seen.next?.offset).toBe(next);
    const again = "\nNext, in a minute, from the first: ";
    expect(seen.text.includes(again)).toBe(next === 0);
  });

  test("by never coming leaves the page", async () => {
    const answer: Answer = (_, path) =>
      path === "/issues/count" ? never() : undefined;
    const limits = { callMs: 1_000, answerMs: 200 };
    const { text } = await readList(ANY, { data, answer }, { limits });
    expect(text).toStartWith(UNCOUNTED);
  });
});

describe("what Backlog counts and what it sends", () => {
  const data = plain(2, 250);
  const BEHIND = { offset: 200 };

  type Row = [string, number, Args, string, number, number, number?];
  test.each<Row>([
    ["too few", 10, ANY, "Backlog counts 10, but its list ends at ", 0, 100],
    ["none", 0, ANY, "Backlog counts 0, but its list ends at ", 0, 100],
    ["below 0", -5, ANY, "The total could not be counted: ", 0, 100],
    // No next call leads behind the list's end.
    [
      "too many",
      400,
      { ...ANY, ...BEHIND },
      "Backlog counts 400, but",
      400,
      50,
    ],
    ["too many not closed", 400, BEHIND, "Backlog counts 400, but", 400, 50],
  ])("%s: the contradiction is told", async (...row) => {
    const [, count, args, note, total, shown] = row;
    const { keys, next, ...told } = await ask(args, {
      data,
      answer: ({ url }, path) =>
        path === "/issues/count"
          ? Response.json({ count: url.includes("=4") ? 0 : count })
          : undefined,
    });
    expect([told.total, keys.length]).toEqual([total, shown]);
    expect(told.notes).toEqual([expect.stringContaining(note)]);
    expect(next?.offset).toBe(shown === 100 ? 100 : undefined);
  });

  test("closed ones among those that are not are told", async () => {
    const answer = changing(data, (rows) =>
      rows.map((row, n) =>
        n < 3 ? { ...row, status: { id: 4, name: "完了" } } : row,
      ),
    );
    const { notes } = await ask({}, { data, answer });
    expect(notes).toEqual([
      "Backlog sent closed ones among those that are not: 3.",
    ]);
  });

  test("pages of one issue: at most 100 requests, and how far they came", async () => {
    const answer = changing(data, (rows) => rows.slice(0, 1));
    const { requests, notes } = await ask({ limit: 500 }, { data, answer });
    expect(requests.length).toBe(100);
    expect(notes).toEqual([expect.stringMatching(/^Only \d+ of 250 could be/)]);
  });
});

describe("an offset counts the rows that match, in order", () => {
  type Change = (rows: Args[], offset: number) => unknown[];
  const hide = (row: Args) => ({ ...row, summary: 5 });

  describe.each<[string, SpaceData, Args]>([
    ["asked for directly", plain(2, 250, 0.3), ANY],
    ["in the standard statuses", plain(2, 300, 0.2), {}],
    ["less the closed", custom(60, 300), {}],
    ["by the projects' statuses", custom(1, 900, 0.7), UP],
    ["one by one", plain(2, 250, 0.3), UNDUE],
  ])("%s", (_, data, args) => {
    const expected = toKeys(data, args);
    const every17th = expected.filter((_, place) => place % 17 === 5);
    const isLost = ({ issueKey }: Args) => every17th.includes(`${issueKey}`);

    test.each<[string, Change, lost: string[], told: string]>([
      [
        "what cannot be read has its place",
        (rows) => rows.map((row) => (isLost(row) ? hide(row) : row)),
        every17th,
        // Of the first 40 places.
        ", without 3 that cannot be shown, ",
      ],
      ["short pages pass over none", (rows) => rows.slice(0, 30), [], "shown"],
    ])("%s", async (_, change, lost, told) => {
      const answer = changing(data, change, ONE_BY_ONE.switches);
      const options = { ...ONE_BY_ONE, data, answer };
      const asked = { ...args, limit: 40 };
      const { text, total } = await ask(asked, options);
      expect(total).toBe(expected.length);
      expect(text).toContain(told);
      const keys = await walk(asked, options);
      expect(keys).toEqual(expected.filter((key) => !lost.includes(key)));
    });
  });

  test("what comes twice is shown once", async () => {
    const data = plain(2, 250);
    const answer = changing(data, (rows) => [...rows.slice(0, 3), ...rows]);
    const { keys, notes } = await ask({ ...ANY, limit: 500 }, { data, answer });
    expect(new Set(keys).size).toBe(keys.length);
    expect(notes).toContain(
      "Backlog sent the same ID more than once in GET /issues; it is shown once.",
    );
    const first = await ask({ ...ANY, limit: 2 }, { data, answer });
    expect(first.keys).toEqual(keys.slice(0, 2));
  });

  test("a page of nothing that can be read does not end the walk", async () => {
    const data = plain(2, 250);
    const answer = changing(data, (rows, offset) =>
      offset === 0 ? rows.map(hide) : rows,
    );
    const first = await ask(ANY, { data, answer });
    expect(first.text).toStartWith(
      "250 issues match, none from offset 0 to 100 can be shown; see the notes.",
    );
    const keys = await walk(ANY, { data, answer });
    expect(keys).toEqual(toKeys(data).slice(100));
  });
});

describe.each(["honoured", "refused", "ignored", "finds nothing"] as const)(
  "where a search for what is unset is %s",
  (way) => {
    const NOBODY = { assignee_names: ["nobody"] };
    const MINE =
      "WEB-3 WEB-12 MOBILE-4 WEB-5 OPS-1 WEB-1 WEB-4 WEB-8 OPS-3 OPS-7 WEB-9 MOBILE-1 OPS-5 OPS-2 WEB-7 OLD_2019-2";
    test.each<[string, Args, string]>([
      ["nobody", NOBODY, "MOBILE-4 OPS-5 WEB-7 OLD_2019-2"],
      [
        "no due, closed ones too",
        { ...UNDUE, ...ANY },
        "MOBILE-4 WEB-13 OPS-5 WEB-6 WEB-7 MOBILE-3 OLD_2019-2",
      ],
      ["nobody, in OPS", { ...NOBODY, project_keys: ["OPS"] }, "OPS-5"],
      ["no due", UNDUE, "MOBILE-4 WEB-13 OPS-5 WEB-6 WEB-7 OLD_2019-2"],
      // All that nobody has are without a due date.
      ["neither", { ...NOBODY, ...UNDUE }, "MOBILE-4 OPS-5 WEB-7 OLD_2019-2"],
      ["nobody and me", { assignee_names: ["nobody", "me"] }, MINE],
    ])("%s", async (_, args, expected) => {
      const switches = { nobody: way, noDueDate: way };
      const { keys, total, text } = await ask(args, { switches });
      expect(keys.join(" ")).toBe(expected);
      expect(total).toBe(keys.length);
      expect(text).toMatch(/Filters: assignee (nobody|anyone)/);
    });
  },
);

test("an offset behind the last that is read one by one is told as one", async () => {
  const options = { ...ONE_BY_ONE, data: plain(2, 250) };
  const { text } = await ask({ ...UNDUE, offset: 100 }, options);
  expect(text).toStartWith("63 issues match, none from offset 100 on; begin");
});

test("more than 3,000 are not read one by one, and it says so", async () => {
  const size = { projects: 2, issues: 3_200, closedShare: 0 };
  const options = {
    ...ONE_BY_ONE,
    data: largeData({ ...size, assignedToMe: 0 }),
  };
  const { isError, text } = await ask(UNDUE, options);
  expect(isError).toBe(true);
  expect(text).toContain("3200 issues are more than the 3000");
  // Of what a default hides, it is a note.
  const mine = await readList(UNDUE, options);
  expect(mine.text).toStartWith("No issues match.");
  expect(mine.notes).toEqual([
    expect.stringMatching(/^What defaults hid could not be counted: Whose/),
  ]);
});

describe("where a minute has few searches", () => {
  /** So many a minute, counted from the call on at which one waits. */
  function startSparseSpace(data: SpaceData, limit: number) {
    const inner = startSampleSpace({ data });
    let left = limit;
    let reset = Math.floor(Date.now() / 1_000) + 60;
    const space = startSampleSpace({
      data,
      answer: async ({ url, headers }, path) => {
        if (!/^.issues(.count)?$/.test(path)) return undefined;
        const { pathname, search } = new URL(url);
        const sent = await fetch(`${inner.url}${pathname}${search}`, {
          headers,
        });
        const status = left > 0 ? sent.status : 429;
        left = Math.max(left - 1, 0);
        const answer = new Response(await sent.text(), { status });
        answer.headers.set("X-RateLimit-Remaining", `${left}`);
        answer.headers.set("X-RateLimit-Reset", `${reset}`);
        return answer;
      },
    });
    const wait = () => {
      left = limit;
      reset += 1;
    };
    return { space, wait };
  }

  test("the counts beside a first page are not asked", async () => {
    await using space = startSparseSpace(plain(2, 250), 15).space;
    await using connected = await connectInProcess(space);
    const texts: string[] = [];
    for (let n = 0; n < 8; n += 1) texts.push((await connected.list()).text);
    expect(texts.at(-1)).toMatch(/ minute \d are left\. Try again in a min/);
    expect(texts.at(-1)).toContain("| P1-1 |");
    expect(space.requests.every(({ status }) => status === 200)).toBe(true);
  });

  type Sparse = [limit: number, data: SpaceData, args: Args, isWhole: boolean];
  test.each<Sparse>([
    [3, sampleData(), { limit: 5 }, false],
    [6, sampleData(), { limit: 5 }, true],
    [9, sampleData(), { limit: 5 }, true],
    [15, sampleData(), { limit: 5 }, true],
    [15, sampleData(), { limit: 7, sort: "due_date" }, true],
    [15, plain(2, 250), { limit: 60 }, true],
    [15, custom(2, 250), { limit: 60 }, true],
    [15, custom(2, 900, 0.8), UP, true],
    [15, plain(2, 250), { ...ANY, limit: 60 }, true],
  ])("of %i a walk passes over nothing", async (limit, data, args, isWhole) => {
    const { wait, ...started } = startSparseSpace(data, limit);
    await using space = started.space;
    await using connected = await connectInProcess(space);
    const expected = toKeys(data, args);
    let next: Args | undefined = { assignee_names: ["anyone"], ...args };
    let keys: string[] = [];
    for (let calls = 0; next && calls < 60; calls += 1) {
      const { text, isError } = await connected.list(next);
      if (isError) {
        expect(text).toMatch(/The limit resets in \d+ s; try again then\./);
        wait();
        continue;
      }
      const answer = parseList(text);
      if (!next.offset) keys = [];
      keys.push(...answer.keys);
      next = answer.next;
      if (next?.offset === 0) wait();
      else expect(keys).toEqual(expected.slice(0, keys.length));
    }
    expect(next === undefined).toBe(isWhole);
    if (isWhole) expect(keys).toEqual(expected);
  });
});

describe("sort priority, whichever way Backlog sorts it", () => {
  test.each([
    ["from the lowest", {}, "2,3,4"],
    ["from the lowest", UP, "4,3,2"],
    ["from the highest", {}, "2,3,4"],
    ["from the highest", UP, "4,3,2"],
  ] as const)("%s, asked with %j", async (priorityDescends, args, expected) => {
    const data = plain(2, 240);
    const ids = new Map(
      data.issues.map(({ issueKey, priority }) => [issueKey, priority?.id]),
    );
    const options = { data, switches: { priorityDescends } };
    const keys = await walk({ ...args, sort: "priority" }, options);
    expect(keys).toHaveLength(240);
    expect([...new Set(keys.map((key) => ids.get(key)))].join()).toBe(expected);
  });
});
