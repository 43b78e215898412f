import { describe, expect, test } from "bun:test";
import { connectInProcess } from "./scripts/connect.ts";
import { largeData, type SpaceData } from "./scripts/sample-data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "./scripts/sample-space.ts";

const ANYONE = { assignee_names: ["anyone"] };

/** One list call, its rows, and what it cost by path. */
async function ask(args: Record<string, unknown>, options: SampleSpaceOptions) {
  await using space = startSampleSpace(options);
  await using connected = await connectInProcess(space, {
    limits: { retryWaitMs: 1 },
  });
  const { text, isError } = await connected.list({ ...ANYONE, ...args });
  const paths = space.requests.map(({ path }) => path);
  const count = (pattern: RegExp) =>
    paths.filter((path) => pattern.test(path)).length;
  const [, next] = /^Next: get_user_issue_list (.*)$/m.exec(text) ?? [];
  return {
    text,
    isError,
    requests: space.requests,
    total: Number(/^(\d+) issues? match/.exec(text)?.[1] ?? 0),
    keys: [...text.matchAll(/^\| ([A-Z0-9_]+-\d+) \|/gm)].map(
      ([, key]) => key ?? "",
    ),
    next: next === undefined ? undefined : JSON.parse(next),
    cost: {
      pages: count(/^\/issues$/),
      counts: count(/^\/issues\/count$/),
      statuses: count(/\/statuses$/),
      projects: count(/^\/projects$/),
    },
  };
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

describe("not closed, where no custom status is in play", () => {
  test.each([
    ["fewer than a page", 90, {}, { pages: 1, counts: 2 }],
    ["a full page", 1_000, {}, { pages: 1, counts: 3 }],
    ["an offset", 1_000, { offset: 300 }, { pages: 1, counts: 3 }],
    ["five pages", 1_000, { limit: 500 }, { pages: 5, counts: 3 }],
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
      expect(shown).toBeGreaterThanOrEqual(Math.min(expected.length, 300));
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
      { limit: 350 },
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
      "Note: 30 of the 90 that are not closed are missing here, in custom statuses that could not be found (see above).",
    );
    expect(next).toBeUndefined();
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
