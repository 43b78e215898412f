import { describe, expect, test } from "bun:test";
import type { Limits } from "../backlog.ts";
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  FREE_PLAN,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { readList } from "./helpers.ts";

const ANYONE = { assignee_names: ["anyone"] };

/** Everybody's issues. */
function ask(
  args: Record<string, unknown>,
  options: SampleSpaceOptions,
  limits: Partial<Limits> = {},
) {
  return readList({ ...ANYONE, ...args }, options, { limits });
}

/** The keys that are not closed, newest update first. */
function notClosed(data: SpaceData): string[] {
  return data.issues
    .filter(({ status }) => status.id !== 4)
    .toSorted((a, b) => (a.updated < b.updated ? 1 : -1))
    .map(({ issueKey }) => issueKey);
}

/** Gives issues a status by their place, newest update first. */
function setStatuses(
  data: SpaceData,
  toStatus: (place: number) => number,
): SpaceData {
  data.issues
    .toSorted((a, b) => (a.updated < b.updated ? 1 : -1))
    .forEach((issue, place) => {
      issue.status = { ...issue.status, id: toStatus(place) };
    });
  return data;
}

/** The ID of the first project's custom status. */
function customStatus(data: SpaceData): number {
  return data.projects[0]?.statuses.find(({ id }) => id > 4)?.id ?? 0;
}

function refusal(status: number, code: number): Response {
  const errors = [{ message: "No.", code, moreInfo: "" }];
  return Response.json({ errors }, { status });
}

describe("not closed, where no custom status is in play", () => {
  test.each([
    ["fewer than a page", 90, {}, { pages: 1, counts: 2 }],
    ["a full page", 1_000, {}, { pages: 1, counts: 3 }],
    ["an offset", 1_000, { offset: 300 }, { pages: 1, counts: 3 }],
    ["as many pages as fit", 1_000, { limit: 500 }, { pages: 3, counts: 3 }],
  ])(
    "%s of 60 projects costs no request per project",
    async (_name, issues, args, cost) => {
      const data = largeData({ projects: 60, issues, customStatuses: false });
      const { offset = 0, limit = 100 }: { offset?: number; limit?: number } =
        args;
      const answer = await ask(args, { data });
      expect(answer.cost).toEqual({ ...cost, statuses: 0, projects: 0 });
      expect(answer.total).toBe(notClosed(data).length);
      const expected = notClosed(data).slice(offset, offset + limit);
      // Of more than a page, as many as fit.
      const shown = limit > 100 ? answer.keys.length : expected.length;
      expect(shown).toBeGreaterThanOrEqual(Math.min(expected.length, 200));
      expect(answer.keys).toEqual(expected.slice(0, shown));
      const end = offset + shown;
      expect(answer.next?.offset).toBe(end < answer.total ? end : undefined);
    },
  );

  test("what decides is asked at once, in one round", async () => {
    const data = largeData({ projects: 2, issues: 90 });
    const { requests } = await ask({}, { data, latencyMs: 40 });
    const lastSent = Math.max(...requests.map(({ at }) => at));
    const answered = requests.map(({ answeredAt }) => answeredAt ?? 0);
    expect(lastSent).toBeLessThan(Math.min(...answered));
  });

  test("a custom status that holds no issue of the search costs nothing", async () => {
    const data = largeData({
      projects: 60,
      issues: 90,
      customStatuses: true,
      customStatusIssues: 0,
    });
    const { cost } = await ask({}, { data });
    expect(cost).toEqual({ pages: 1, counts: 2, statuses: 0, projects: 0 });
  });
});

describe("not closed, with custom statuses", () => {
  const CASES: [
    string,
    Parameters<typeof largeData>[0],
    { offset?: number; limit?: number; project_keys?: string[] },
  ][] = [
    ["few pages", { projects: 60, issues: 150, closedShare: 0.2 }, {}],
    ["many pages", { projects: 60, issues: 1_000, closedShare: 0.3 }, {}],
    [
      "mostly closed, few projects",
      { projects: 2, issues: 1_500, closedShare: 0.9 },
      {},
    ],
    [
      "mostly closed, many projects",
      { projects: 60, issues: 1_500, closedShare: 0.9 },
      {},
    ],
    ["limit 1", { projects: 3, issues: 900, closedShare: 0.7 }, { limit: 1 }],
    [
      "an offset",
      { projects: 3, issues: 900, closedShare: 0.5 },
      { offset: 120, limit: 30 },
    ],
    [
      "the last page",
      { projects: 8, issues: 900, closedShare: 0.5 },
      { offset: 440, limit: 100 },
    ],
    [
      "a limit of many pages",
      { projects: 4, issues: 1_000, closedShare: 0.6 },
      { limit: 210 },
    ],
    [
      "named projects",
      { projects: 6, issues: 1_200, closedShare: 0.9 },
      { project_keys: ["P1", "P2", "P3", "P4", "P5", "P6"] },
    ],
  ];

  test.each(CASES)(
    "%s: the rows asked for, in order, and the true total",
    async (_name, size, args) => {
      const data = largeData({ customStatuses: true, ...size });
      for (const mixedStatuses of ["ignored", "refused"] as const) {
        const { offset = 0, limit = 100 } = args;
        const answer = await ask(args, { data, switches: { mixedStatuses } });
        const expected = notClosed(data);
        expect(answer.total).toBe(expected.length);
        expect(answer.keys).toEqual(expected.slice(offset, offset + limit));
        expect(answer.text).not.toContain("Note:");
      }
    },
  );

  test("few pages are read without a status filter, and the closed dropped", async () => {
    const data = largeData({
      projects: 60,
      issues: 150,
      closedShare: 0.2,
      customStatuses: true,
    });
    const { cost } = await ask({ limit: 500 }, { data });
    // The page of the standard ones, then both pages of all.
    expect(cost).toEqual({ pages: 3, counts: 3, statuses: 0, projects: 0 });
  });

  test("reading stops as soon as the rows asked for are found", async () => {
    const data = largeData({
      projects: 60,
      issues: 2_000,
      closedShare: 0.2,
      customStatuses: true,
    });
    const { cost, keys } = await ask({ limit: 50 }, { data });
    expect(keys).toHaveLength(50);
    expect(cost).toEqual({ pages: 2, counts: 3, statuses: 0, projects: 0 });
  });

  test("many pages of closed ones are passed over by the projects' statuses", async () => {
    const data = largeData({
      projects: 2,
      issues: 1_500,
      closedShare: 0.95,
      customStatuses: true,
      customStatusIssues: 20,
    });
    const { cost, keys } = await ask({}, { data });
    expect(keys).toEqual(notClosed(data));
    expect(cost).toEqual({ pages: 2, counts: 2, statuses: 2, projects: 1 });
  });

  test("of named projects only these are asked for their statuses", async () => {
    const data = largeData({
      projects: 9,
      issues: 2_700,
      closedShare: 0.95,
      customStatuses: true,
      customStatusIssues: 100,
    });
    const { cost, total } = await ask({ project_ids: [1073900001] }, { data });
    const own = data.issues.filter(
      ({ projectId, status }) => projectId === 1073900001 && status.id !== 4,
    );
    expect(total).toBe(own.length);
    expect(cost).toEqual({ pages: 2, counts: 2, statuses: 1, projects: 0 });
  });

  test("a first page of nothing but closed ones is not the end", async () => {
    const data = largeData({ projects: 40, issues: 600, customStatuses: true });
    const custom = customStatus(data);
    setStatuses(data, (place) => (place < 250 ? 4 : custom));
    for (const limit of [1, 20]) {
      const { keys, total, next } = await ask({ limit }, { data });
      expect(total).toBe(350);
      expect(keys).toEqual(notClosed(data).slice(0, limit));
      expect(next).toMatchObject({ offset: limit });
    }
  });

  test("an offset behind the last asks for no page more", async () => {
    const data = largeData({
      projects: 3,
      issues: 900,
      closedShare: 0.7,
      customStatuses: true,
    });
    const { text, cost } = await ask({ offset: 5_000 }, { data });
    expect(text).toStartWith(
      `${notClosed(data).length} issues match, none from offset 5000 on; begin with offset 0.`,
    );
    expect(cost).toEqual({ pages: 1, counts: 3, statuses: 0, projects: 0 });
  });
});

describe("custom statuses that cannot all be found", () => {
  /** Most are closed, so that the projects' statuses are the cheaper way. */
  function spaceWithCustoms() {
    const data = largeData({
      projects: 2,
      issues: 1_500,
      customStatuses: true,
    });
    const [one = 0, two = 0] = data.projects.map(
      ({ statuses }) => statuses.find(({ id }) => id > 4)?.id,
    );
    setStatuses(data, (place) => {
      if (place % 50 === 0) return one;
      return place % 50 === 1 ? two : place % 50 === 2 ? 1 : 4;
    });
    return data;
  }

  test("those of an unreadable project are counted and the reason told", async () => {
    const data = spaceWithCustoms();
    const { text, total, keys, next } = await ask(
      {},
      { data, switches: { unreadableProjects: ["P2"] } },
    );
    expect(total).toBe(90);
    expect(keys).toHaveLength(60);
    expect(text).toContain(
      'Note: The statuses of P2 could not be read: Backlog refused GET /projects/1073900002/statuses (403, "You do not have permission.").',
    );
    expect(text).toContain(
      "Note: 30 of the 90 that are not closed are missing here, in custom statuses that could not be found (see the notes).",
    );
    expect(next).toBeUndefined();
  });

  test("those behind the rows that were found are not told as a wrong offset", async () => {
    const { text } = await ask(
      { offset: 70 },
      {
        data: spaceWithCustoms(),
        switches: { unreadableProjects: ["P2"] },
      },
    );
    expect(text).toStartWith(
      "90 issues match, none from offset 70 on can be shown; see the notes.",
    );
  });

  test("those of a project that is not in the list are counted too", async () => {
    const data = spaceWithCustoms();
    const listed = data.projects.slice(0, 1).map(({ project }) => project);
    const { text, total, keys } = await ask(
      {},
      {
        data,
        answer: (_request, path) =>
          path === "/projects" ? Response.json(listed) : undefined,
      },
    );
    expect(total).toBe(90);
    expect(keys).toHaveLength(60);
    expect(text).toContain(
      "Note: 30 of the 90 that are not closed are missing here, in custom statuses that could not be found (no project lists their status).",
    );
  });

  test("where their filter is refused, all pages are read instead", async () => {
    const data = spaceWithCustoms();
    const { keys, cost } = await ask(
      {},
      {
        data,
        answer: ({ url }, path) =>
          path === "/issues" && /statusId%5B%5D=\d\d/.test(url)
            ? Response.json(
                { errors: [{ message: "Invalid.", code: 7, moreInfo: "" }] },
                { status: 400 },
              )
            : undefined,
      },
    );
    expect(keys).toEqual(notClosed(data));
    expect(cost.pages).toBe(1 + 1 + 15);
  });

  test("where the filter is too long to send, all pages are read instead", async () => {
    const data = spaceWithCustoms();
    const [first] = data.projects;
    const [status] = first?.statuses ?? [];
    for (let n = 0; first && status && n < 500; n += 1) {
      first.statuses.push({ ...status, id: 600_000 + n, name: `Step ${n}` });
    }
    const { keys, cost, text } = await ask({}, { data });
    expect(keys).toEqual(notClosed(data));
    expect(cost.pages).toBe(1 + 15);
    expect(text).not.toContain("Note:");
  });
});

describe("not closed, where the closed ones come first", () => {
  /** 10,000 issues, of which the first 9,000 in an ascending order are closed. */
  function spaceOf(
    field: "dueDate" | "created" | "updated",
    { projects = 60, issues = 10_000, closed = 9_000 } = {},
  ) {
    const data = largeData({ projects, issues, customStatuses: true });
    const custom = customStatus(data);
    const inOrder = data.issues.toSorted((a, b) => {
      const [one, two] = [a[field] ?? "~", b[field] ?? "~"];
      return one === two ? a.id - b.id : one < two ? -1 : 1;
    });
    inOrder.forEach((issue, place) => {
      const id = place < closed ? 4 : place % 10 === 0 ? custom : 1;
      issue.status = { ...issue.status, id };
    });
    const keys = inOrder.slice(closed).map(({ issueKey }) => issueKey);
    return { data, keys };
  }

  test.each([
    ["dueDate", { sort: "due_date" }],
    ["created", { sort: "created", order: "asc" }],
    ["updated", { sort: "updated", order: "asc" }],
  ] as const)(
    "the statuses are the cheaper way, chosen at once: %s",
    async (field, args) => {
      const { data, keys } = spaceOf(field);
      const answer = await ask(args, { data });
      expect(answer.keys).toEqual(keys.slice(0, 100));
      expect(answer.total).toBe(1_000);
      expect(answer.text).not.toContain("Note:");
      expect(answer.cost).toEqual({
        pages: 1 + 1,
        counts: 4,
        statuses: 60,
        projects: 1,
      });
    },
  );

  test("where the statuses cost more than the pages left, these are read", async () => {
    const { data, keys } = spaceOf("updated", { projects: 200 });
    const answer = await ask({ sort: "updated", order: "asc" }, { data });
    expect(answer.keys).toEqual(keys.slice(0, 100));
    expect(answer.cost.statuses).toBe(0);
  });

  test("as many as can be closed bound the pages that are expected", async () => {
    const { data } = spaceOf("updated");
    const inOrder = data.issues.toSorted((a, b) =>
      a.updated < b.updated ? -1 : 1,
    );
    for (const issue of inOrder.slice(2_000, 9_000)) {
      issue.status = { ...issue.status, id: 1 };
    }
    const { keys, cost } = await ask(
      { sort: "updated", order: "asc" },
      { data },
    );
    const expected = inOrder.slice(2_000, 2_100);
    expect(keys).toEqual(expected.map(({ issueKey }) => issueKey));
    expect(cost).toMatchObject({ pages: 1 + 21, statuses: 0 });
  });

  test("where the statuses are refused, nothing is asked of them twice", async () => {
    const size = { projects: 12, issues: 4_000, closed: 3_000 };
    const { data, keys } = spaceOf("updated", size);
    const answer = await ask(
      { sort: "updated", order: "asc" },
      {
        data,
        answer: ({ url }, path) =>
          path === "/issues" && /statusId%5B%5D=\d\d/.test(url)
            ? refusal(400, 7)
            : undefined,
      },
    );
    expect(answer.keys).toEqual(keys.slice(0, 100));
    expect(answer.cost).toMatchObject({ statuses: 12, projects: 1 });
    // The standard ones, a wave, what was refused, and all pages.
    expect(answer.cost.pages).toBeLessThanOrEqual(1 + 4 + 1 + 35);
  });

  test("where the projects cannot be listed, all pages are read", async () => {
    const { data, keys } = spaceOf("updated");
    const answer = await ask(
      { sort: "updated", order: "asc" },
      {
        data,
        answer: (_request, path) =>
          path === "/projects" ? refusal(403, 5) : undefined,
      },
    );
    expect(answer.keys).toEqual(keys.slice(0, 100));
    expect(answer.cost).toMatchObject({ statuses: 0, projects: 1 });
  });

  test("a limit reached before the first row is an error with the seconds left", async () => {
    const { data } = spaceOf("dueDate", { projects: 200 });
    const { isError, text } = await ask(
      { sort: "due_date" },
      {
        data,
        answer: ({ url }, path) =>
          path === "/issues" && !url.includes("statusId")
            ? refusal(429, 13)
            : undefined,
      },
    );
    expect(text).toMatch(/^Backlog refused GET \/issues /);
    expect(isError).toBe(true);
  });

  test("a failure behind the first rows leaves these", async () => {
    const { data } = spaceOf("updated", { projects: 200 });
    const oldest = data.issues.toSorted((a, b) =>
      a.updated < b.updated ? -1 : 1,
    );
    for (const issue of oldest.slice(0, 3)) {
      issue.status = { ...issue.status, id: 1 };
    }
    const { isError, text, keys, next } = await ask(
      { sort: "updated", order: "asc" },
      {
        data,
        answer: ({ url }, path) =>
          path === "/issues" && url.includes("offset=100&")
            ? refusal(429, 13)
            : undefined,
      },
    );
    expect(isError).toBe(false);
    expect(text).toStartWith("1003 issues match; 1 to 3 are shown");
    expect(text).toContain("Note: Only 3 of 100 could be read: ");
    expect(keys).toEqual(oldest.slice(0, 3).map((issue) => issue.issueKey));
    expect(next).toMatchObject({ offset: 3 });
  });
});

describe("a count that fails", () => {
  const BUSY = () => refusal(503, 1);
  const failingCounts =
    (answer: () => Response | Promise<Response>, pattern = /./) =>
    ({ url }: Request, path: string) =>
      path === "/issues/count" && pattern.test(url) ? answer() : undefined;
  const ALL = /^(?!.*statusId)/;
  const CLOSED = /statusId%5B%5D=4/;
  const STANDARD = /statusId%5B%5D=1/;
  const CUSTOM = /statusId%5B%5D=\d\d/;
  const ANY = { status_names: ["any"] };
  const MAY_MISS = "issues in custom statuses may be missing";
  const data = () => largeData({ projects: 2, issues: 450, closedShare: 0 });
  const never = () => new Promise<Response>(() => {});

  test.each([
    ["503", BUSY, {}],
    ["429", () => refusal(429, 13), {}],
    ["no answer in time", never, { callMs: 1_000, answerMs: 200 }],
  ])("leaves the page: %s", async (_name, answer, limits) => {
    for (const args of [ANY, {}, { ...ANY, limit: 500 }]) {
      const { isError, text, keys, next } = await ask(
        args,
        { data: data(), answer: failingCounts(answer) },
        limits,
      );
      expect(isError).toBe(false);
      expect(text).toStartWith(
        "100 issues are shown, newest update first; how many match in all could not be counted.",
      );
      expect(text).toMatch(/Note: The total could not be counted: .*count/);
      expect(text.includes(MAY_MISS)).toBe(!("status_names" in args));
      expect(keys).toEqual(notClosed(data()).slice(0, 100));
      expect(next).toMatchObject({ offset: 100 });
    }
  });

  test.each([
    ["all", ALL],
    ["closed", CLOSED],
  ])("leaves what the standard statuses have: %s", async (_name, pattern) => {
    const few = largeData({ projects: 2, issues: 30, closedShare: 0 });
    const answer = failingCounts(BUSY, pattern);
    const whole = await ask({}, { data: few, answer });
    expect(whole.text).toStartWith("30 issues are shown, ");
    expect(whole.text).toContain(MAY_MISS);
    expect(whole.next).toBeUndefined();
    const part = await ask({ limit: 10 }, { data: few, answer });
    expect(part.text).toStartWith("10 issues are shown, ");
    expect(part.next).toMatchObject({ offset: 10 });
    const behind = await ask({ offset: 30 }, { data: few, answer });
    expect(behind.text).toStartWith(
      "No issue was found from offset 30 on; how many match in all could not be counted.",
    );
    const paged = await ask({ limit: 210 }, { data: data(), answer });
    expect(paged.keys).toEqual(notClosed(data()).slice(0, 210));
    expect(paged.next).toMatchObject({ offset: 210 });
  });

  test("of the standard statuses leaves the page and the total", async () => {
    const answer = failingCounts(BUSY, STANDARD);
    const { text, total, keys, next } = await ask({}, { data: data(), answer });
    expect(total).toBe(450);
    expect(keys).toEqual(notClosed(data()).slice(0, 100));
    expect(text).toContain(MAY_MISS);
    expect(next).toMatchObject({ offset: 100 });
  });

  test("is not missed where the page is the last", async () => {
    for (const args of [{ offset: 400 }, { ...ANY, offset: 400 }]) {
      const { text, keys, next } = await ask(args, {
        data: data(),
        answer: failingCounts(BUSY, "status_names" in args ? /./ : STANDARD),
      });
      expect(text).toStartWith("450 issues match; 401 to 450 are shown");
      expect(text).not.toContain("Note:");
      expect([keys.length, next]).toEqual([50, undefined]);
    }
  });

  test("of the custom statuses leaves the page and the total", async () => {
    const some = largeData({
      projects: 2,
      issues: 1_500,
      closedShare: 0.8,
      customStatuses: true,
    });
    const { text, total, keys } = await ask(
      {},
      { data: some, answer: failingCounts(BUSY, CUSTOM) },
    );
    expect(total).toBe(notClosed(some).length);
    expect(keys).toEqual(notClosed(some).slice(0, 100));
    expect(text).toContain(MAY_MISS);
  });

  test.each([401, 403, 429, 503])(
    "is no matter where the page fails too: %d",
    async (status) => {
      for (const args of [{}, ANY, { offset: 100 }]) {
        const { isError } = await ask(args, {
          data: data(),
          answer: (_request, path) =>
            path.startsWith("/issues") ? refusal(status, 1) : undefined,
        });
        expect(isError).toBe(true);
      }
    },
  );
});

describe("a list walked by its next calls", () => {
  test.each([
    ["short titles", "short", { limit: 150 }],
    [
      "titles so long that fewer rows fit than were asked for",
      "long",
      { limit: 500 },
    ],
  ] as const)(
    "brings every issue once, in order: %s",
    async (_name, titles, args) => {
      const data = largeData({
        projects: 5,
        issues: 500,
        closedShare: 0.3,
        customStatuses: true,
        titles,
      });
      const expected = notClosed(data);
      const seen: string[] = [];
      let next: Record<string, unknown> | undefined = args;
      let calls = 0;
      while (next !== undefined) {
        const from = seen.length;
        const answer = await ask(next, { data });
        seen.push(...answer.keys);
        calls += 1;
        expect(answer.text).toContain(
          `${expected.length} issues match; ${from + 1} to ${seen.length} are shown`,
        );
        next = answer.next;
      }
      expect(calls).toBeGreaterThan(2);
      expect(seen).toEqual(expected);
    },
  );

  test("a page that fails leaves the pages before it, and says how many rows", async () => {
    const data = largeData({ projects: 2, issues: 500, closedShare: 0 });
    const { keys, text, next } = await ask(
      { limit: 500 },
      {
        data,
        answer: ({ url }, path) =>
          path === "/issues" && url.includes("offset=200")
            ? Response.json({}, { status: 500 })
            : undefined,
      },
    );
    expect(keys).toEqual(notClosed(data).slice(0, 200));
    expect(text).toContain("Note: Only 200 of 500 could be read: ");
    expect(next).toMatchObject({ offset: 200 });
  });
});

const TREATMENTS = ["honoured", "refused", "ignored", "finds nothing"] as const;

describe.each(TREATMENTS)("where a search for what is unset is %s", (way) => {
  const { issues, me } = sampleData();
  const open = issues.filter(({ status }) => status.id !== 4);
  const toKeys = (found: typeof issues) =>
    found.map(({ issueKey }) => issueKey).toSorted();

  test.each<[string, Record<string, unknown>, typeof issues]>([
    ["nobody", {}, open.filter(({ assignee }) => assignee === null)],
    [
      "nobody, closed ones too",
      { status_names: ["any"] },
      issues.filter(({ assignee }) => assignee === null),
    ],
    [
      "nobody and me",
      { assignee_names: ["nobody", "me"] },
      open.filter(({ assignee }) => !assignee || assignee.id === me),
    ],
    [
      "nobody of one project",
      { project_keys: ["OPS"] },
      open.filter(
        ({ assignee, issueKey }) => !assignee && issueKey.startsWith("OPS"),
      ),
    ],
  ])("%s", async (_name, args, expected) => {
    const { keys, total, text } = await readList(
      { assignee_names: ["nobody"], ...args },
      { switches: { nobody: way } },
    );
    expect(keys.toSorted()).toEqual(toKeys(expected));
    expect(total).toBe(expected.length);
    expect(text).toContain("Filters: assignee nobody");
  });

  test.each<[string, Record<string, unknown>, typeof issues]>([
    ["no due date", {}, open.filter(({ dueDate }) => dueDate === null)],
    [
      "no due date, and nobody's",
      { assignee_names: ["nobody"] },
      open.filter(({ dueDate, assignee }) => !dueDate && !assignee),
    ],
    [
      "no due date, of those that all have none",
      { assignee_names: ["nobody"], project_keys: ["WEB"] },
      open.filter(
        ({ assignee, issueKey }) => !assignee && issueKey.startsWith("WEB"),
      ),
    ],
  ])("%s", async (_name, args, expected) => {
    const { keys, total, text } = await readList(
      { assignee_names: ["anyone"], ...args, due_date_until: "none" },
      { switches: { nobody: way, noDueDate: way } },
    );
    expect(keys.toSorted()).toEqual(toKeys(expected));
    expect(total).toBe(expected.length);
    expect(text).toContain("; without a due date.");
  });

  test("pages of them bring each once, in order, and keep the word", async () => {
    const data = largeData({ projects: 2, issues: 450, customStatuses: true });
    data.issues.forEach((issue, n) => {
      if (n % 2 === 0) issue.assignee = null;
    });
    const expected = data.issues
      .filter(({ assignee, status }) => !assignee && status.id !== 4)
      .toSorted((a, b) => (a.updated < b.updated ? 1 : -1));
    const args = { assignee_names: ["nobody"], limit: 60 };
    const seen = await walk(args, { data, switches: { nobody: way } });
    expect(seen.keys).toEqual(expected.map(({ issueKey }) => issueKey));
    expect(seen.calls.at(-1)).toMatchObject({ assignee_names: ["nobody"] });
  });
});

test("among more than 3,000 whether nobody has some cannot be told, and it says so", async () => {
  const data = largeData({ projects: 2, issues: 3_200, closedShare: 0 });
  const { isError, text } = await readList(
    { assignee_names: ["nobody"] },
    { data, switches: { nobody: "ignored" } },
  );
  expect(isError).toBe(true);
  expect(text).toContain("3200 issues are more than the 3000");
});

/** Every row of a question, by its next calls. */
async function walk(
  args: Record<string, unknown>,
  options: SampleSpaceOptions,
) {
  const keys: string[] = [];
  const calls: Record<string, unknown>[] = [];
  let next: Record<string, unknown> | undefined = args;
  while (next && calls.length < 40) {
    calls.push(next);
    const answer: Awaited<ReturnType<typeof readList>> = await readList(
      next,
      options,
    );
    keys.push(...answer.keys);
    next = answer.next;
  }
  return { keys, calls };
}

/** Passes the pages of issues on, as they are made to be. */
function changing(
  data: SpaceData,
  change: (rows: Record<string, unknown>[], url: URL) => unknown[],
): SampleSpaceOptions["answer"] {
  const inner = startSampleSpace({ data });
  return async (request, path) => {
    if (path !== "/issues") return undefined;
    const url = new URL(request.url);
    const { headers } = request;
    const to = `${inner.url}${url.pathname}${url.search}`;
    const response = await fetch(to, { headers });
    const rows: Record<string, unknown>[] = JSON.parse(await response.text());
    return Response.json(change(rows, url));
  };
}

describe("an offset counts the rows that match, in order", () => {
  const WAYS: [string, Record<string, unknown>, () => SpaceData][] = [
    [
      "asked for directly",
      { status_names: ["any"] },
      () => largeData({ projects: 2, issues: 250 }),
    ],
    [
      "in the standard statuses",
      {},
      () => largeData({ projects: 2, issues: 300, closedShare: 0.2 }),
    ],
    [
      "less the closed",
      {},
      () => largeData({ projects: 60, issues: 300, customStatuses: true }),
    ],
    [
      "by the projects' statuses",
      { order: "asc" },
      () =>
        largeData({
          projects: 1,
          issues: 900,
          closedShare: 0.7,
          customStatuses: true,
        }),
    ],
  ];
  const toExpected = (data: SpaceData, args: Record<string, unknown>) => {
    const sign = args.order === "asc" ? -1 : 1;
    return data.issues
      .filter(({ status }) => args.status_names || status.id !== 4)
      .toSorted((a, b) => (a.updated < b.updated ? sign : -sign))
      .map(({ issueKey }) => issueKey);
  };

  test.each(WAYS)("an unreadable one included: %s", async (_, args, toData) => {
    const data = toData();
    const expected = toExpected(data, args);
    const lost = new Set(expected.filter((_, place) => place % 17 === 5));
    const answer = changing(data, (rows) =>
      rows.map((row) =>
        lost.has(`${row.issueKey}`) ? { ...row, summary: 5 } : row,
      ),
    );
    const all = { ...ANYONE, ...args, limit: 70 };
    const seen = await walk(all, { data, answer });
    expect(seen.keys).toEqual(expected.filter((key) => !lost.has(key)));
    const first = await readList({ ...all, limit: 20 }, { data, answer });
    expect(first.text).toStartWith(
      `${expected.length} issues match; 1 to 20 are shown, without 1 that cannot be shown, `,
    );
    expect(first.next).toMatchObject({ offset: 20 });
  });

  test.each(WAYS)(
    "none is passed over where a page is shorter than asked: %s",
    async (_, args, toData) => {
      const data = toData();
      const answer = changing(data, (rows) => rows.slice(0, 30));
      for (const limit of [40, 500]) {
        const all = { ...ANYONE, ...args, limit };
        const seen = await walk(all, { data, answer });
        expect(seen.keys).toEqual(toExpected(data, args));
      }
    },
  );

  test("a page of nothing that can be read does not end the walk", async () => {
    const data = largeData({ projects: 2, issues: 250 });
    const answer = changing(data, (rows, url) =>
      url.searchParams.get("offset") === "0"
        ? rows.map((row) => ({ ...row, summary: 5 }))
        : rows,
    );
    const all = { ...ANYONE, status_names: ["any"] };
    const seen = await walk(all, { data, answer });
    expect(seen.keys).toEqual(toExpected(data, all).slice(100));
  });

  test("one that comes twice is shown once", async () => {
    const data = largeData({ projects: 2, issues: 250 });
    const answer = changing(data, (rows) => [...rows.slice(0, 3), ...rows]);
    const all = { ...ANYONE, status_names: ["any"], limit: 500 };
    const { keys } = await readList(all, { data, answer });
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("what Backlog counts and what it sends", () => {
  const counting = (count: number, pattern = /./) => ({
    answer: ({ url }: Request, path: string) =>
      path === "/issues/count" && pattern.test(url)
        ? Response.json({ count })
        : undefined,
  });
  const data = () => largeData({ projects: 2, issues: 250, closedShare: 0 });
  const ANY = { status_names: ["any"] };

  test.each([
    ["too few", 10, "Backlog counts 10, but its list ends at 100."],
    ["below 0", -5, "The total could not be counted: "],
  ])("%s: the rows are shown, the contradiction told", async (_, n, note) => {
    const seen = await ask(ANY, { data: data(), ...counting(n) });
    expect(seen.text).toStartWith("100 issues are shown, ");
    expect(seen.text).toContain(note);
    expect(seen.next).toMatchObject({ offset: 100 });
  });

  test("too many: the list's end is told, and no next call leads behind it", async () => {
    const args = { ...ANY, offset: 200 };
    const seen = await ask(args, { data: data(), ...counting(400) });
    expect(seen.notes).toEqual([
      "Backlog counts 400, but its list ends at 250.",
    ]);
    expect([seen.keys.length, seen.next]).toEqual([50, undefined]);
  });

  test("closed ones among those that are not are told", async () => {
    const space = data();
    const answer = changing(space, (rows) =>
      rows.map((row, n) =>
        n < 3 ? { ...row, status: { id: 4, name: "完了" } } : row,
      ),
    );
    const { notes } = await ask({}, { data: space, answer });
    expect(notes).toContain(
      "Backlog sent 3 closed ones among those that are not.",
    );
  });

  test("no count is asked where few searches are left, and the page is shown", async () => {
    await using space = startSampleSpace({
      data: data(),
      rateLimit: FREE_PLAN,
    });
    await using connected = await connectInProcess(space);
    let last = await connected.list(ANYONE);
    for (let n = 0; n < 8; n += 1) last = await connected.list(ANYONE);
    expect(last.isError).toBe(false);
    expect(last.text).toContain("left of them. Try again in a minute.");
    expect(last.text).toContain("| P1-1 |");
    expect(space.requests.every(({ status }) => status === 200)).toBe(true);
  });
});

describe.each(["from the lowest", "from the highest"] as const)(
  "sort priority where Backlog sorts %s",
  (priorityDescends) => {
    test.each([
      ["by default", {}, [2, 3, 4]],
      ["asc", { order: "asc" }, [4, 3, 2]],
    ])("%s", async (_, args, expected) => {
      const data = largeData({ projects: 2, issues: 240, closedShare: 0 });
      const ids = new Map(
        data.issues.map(({ issueKey, priority }) => [issueKey, priority?.id]),
      );
      const seen = await walk(
        { ...ANYONE, ...args, sort: "priority" },
        { data, switches: { priorityDescends } },
      );
      expect(seen.keys).toHaveLength(240);
      expect([...new Set(seen.keys.map((key) => ids.get(key)))]).toEqual(
        expected,
      );
    });
  },
);

test("one call sends at most 100 requests, whatever Backlog counts", async () => {
  const data = largeData({ projects: 60, issues: 150, customStatuses: true });
  const answer = changing(data, (rows) => rows.slice(0, 1));
  const { requests, text, isError } = await ask(
    { limit: 500 },
    { data, answer },
  );
  expect(requests.length).toBeLessThanOrEqual(100);
  expect(isError).toBe(false);
  expect(text).toContain("Only ");
});
