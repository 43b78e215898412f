import { describe, expect, test } from "bun:test";
import { Backlog, type BacklogCall } from "../backlog.ts";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { toChange } from "../sample-space/shapes.ts";
import { connectInProcess } from "../scripts/connect.ts";

const SENTENCE =
  "It does not exist, this key may not see it, or BACKLOG_PROJECTS leaves it out.";
const MARK = "not for you";

/** A space in which every text of another project than WEB is marked. */
function markedData() {
  const data = sampleData();
  for (const issue of data.issues) {
    if (issue.issueKey.startsWith("WEB-")) continue;
    issue.summary = MARK;
    issue.description = MARK;
    for (const comment of data.comments.get(issue.id) ?? []) {
      comment.content = MARK;
    }
  }
  for (const { project, statuses, versions } of data.projects) {
    if (project.projectKey === "WEB") continue;
    project.name = MARK;
    for (const one of [...statuses, ...versions]) {
      if (one.id > 4) one.name = `${MARK} ${one.id}`;
    }
  }
  return data;
}

function find(key: string, data = sampleData()) {
  const issue = data.issues.find(({ issueKey }) => issueKey === key);
  if (!issue) throw new Error(`no ${key}`);
  return issue;
}

const OPS_1 = find("OPS-1").id;
const [OPS, WEB] = [find("OPS-1").projectId, find("WEB-1").projectId];
const IN_WEB = sampleData().issues.filter(({ projectId }) => projectId === WEB);

function open(
  space: SampleSpace,
  projects: readonly string[] = ["WEB"],
): BacklogCall {
  const { url: origin, apiKey } = space;
  return new Backlog({ origin, apiKey, projects }).open();
}

function asked(space: SampleSpace): string[] {
  return space.requests.map(({ path }) => path);
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `no error, but ${JSON.stringify(await promise)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("what an assistant asks of a project that BACKLOG_PROJECTS leaves out", () => {
  const details = "get_issue_details";
  const list = "get_user_issue_list";
  const anyone = { assignee_names: ["anyone"], status_names: ["any"] };

  test.each<{
    name: string;
    tool: string;
    args: Record<string, unknown>;
    says: string;
    space?: SampleSpaceOptions;
  }>([
    {
      name: "an issue by its key is refused as one that does not exist",
      tool: details,
      args: { issue_key: "OPS-1" },
      says: `GET /issues/OPS-1 has nothing to show. ${SENTENCE}`,
    },
    {
      name: "an issue by its numeric ID is refused in the same words",
      tool: details,
      args: { issue_key: String(OPS_1) },
      says: `GET /issues/${OPS_1} has nothing to show. ${SENTENCE}`,
    },
    {
      name: "an ID that does not exist is refused in the same words",
      tool: details,
      args: { issue_key: "99" },
      says: `GET /issues/99 has nothing to show. ${SENTENCE}`,
    },
    {
      name: "a comment of it is refused",
      tool: details,
      args: { issue_key: "OPS-1#comment-1" },
      says: SENTENCE,
    },
    {
      name: "a file of it is refused",
      tool: details,
      args: { issue_key: `${OPS_1}#attachment-1` },
      says: SENTENCE,
    },
    {
      name: "an issue that has moved there is refused under its old key",
      tool: details,
      args: { issue_key: "WEB-5" },
      says: `GET /issues/WEB-5 has nothing to show. ${SENTENCE}`,
      space: {
        answer: (_, path) =>
          path === "/issues/WEB-5"
            ? Response.json(find("OPS-1", markedData()))
            : undefined,
      },
    },
    {
      name: "a related issue is left out and counted",
      tool: details,
      args: { issue_key: "WEB-3" },
      says: "BACKLOG_PROJECTS leaves out 1 entry of other projects.",
    },
    {
      name: "a parent is left out",
      tool: details,
      args: { issue_key: "WEB-7" },
      says: `The parent (ID ${OPS_1}) could not be read: `,
      space: {
        answer: (_, path) =>
          path === "/issues/WEB-7"
            ? Response.json({ ...find("WEB-7"), parentIssueId: OPS_1 })
            : undefined,
      },
    },
    {
      name: "a list without projects is one of those allowed, its total too",
      tool: list,
      args: { ...anyone, limit: 500 },
      says: `${IN_WEB.length} issues match`,
    },
    {
      name: "a space that sends others all the same: they are left out and counted",
      tool: list,
      args: anyone,
      says: "BACKLOG_PROJECTS leaves out 3 entries of other projects.",
      space: {
        answer: ({ url }, path) =>
          path === "/issues"
            ? Response.json(
                url.includes("offset=0&")
                  ? [
                      find("WEB-1"),
                      ...markedData()
                        .issues.filter(({ projectId }) => projectId === OPS)
                        .slice(0, 3),
                    ]
                  : [],
              )
            : undefined,
      },
    },
    {
      name: "its key is no choice",
      tool: list,
      args: { project_keys: ["OPS"] },
      says: `No project "OPS". Projects: WEB (Web application).\n${SENTENCE}`,
    },
    {
      name: "its ID leaves no project, and nothing is asked",
      tool: list,
      args: { ...anyone, project_ids: [OPS] },
      says: "No project is left of those asked for, so nothing was searched",
    },
    {
      name: "its ID beside an allowed one leaves that one",
      tool: list,
      args: { ...anyone, project_ids: [OPS, WEB], limit: 500 },
      says: `${IN_WEB.length} issues match`,
    },
    {
      name: "children by the ID of a parent there are none",
      tool: list,
      args: { ...anyone, parent_issue_ids: [OPS_1] },
      says: "No issues match",
    },
    {
      name: "children by the key of a parent there are refused",
      tool: list,
      args: { ...anyone, parent_issue_keys: ["OPS-1"] },
      says: `GET /issues/OPS-1 has nothing to show. ${SENTENCE}`,
    },
    {
      name: "its statuses are no choice",
      tool: list,
      args: { ...anyone, status_names: ["保留"] },
      says: `, Closed. Also: any, not closed (the default).\n${SENTENCE}`,
    },
    {
      name: "its milestones are no choice",
      tool: list,
      args: { ...anyone, milestone_names: ["no such"] },
      says: SENTENCE,
    },
    {
      name: "a word in its texts finds nothing",
      tool: list,
      args: { ...anyone, keyword: "for you" },
      says: "No issues match",
    },
  ])("$name", async ({ tool, args, says, space: options = {} }) => {
    await using space = startSampleSpace({ data: markedData(), ...options });
    await using server = await connectInProcess(space, { projects: ["WEB"] });
    const { text } = await server.call(tool, args);
    expect(text).toContain(says);
    expect(text).not.toContain(MARK);
    expect(text).not.toContain("MOBILE");
    for (const { path, query } of space.requests) {
      expect(path).not.toMatch(/OPS|MOBILE|OLD_2019/);
      expect(path).not.toMatch(new RegExp(`/projects/${OPS}`));
      if (!/^\/issues(\/count)?$/.test(path)) continue;
      expect(query).toContain(`projectId[]=${WEB}`);
      expect(query.match(/projectId/g)).toHaveLength(1);
    }
  });

  test("a change that names an issue there is left out; one that looks so by chance stays", async () => {
    const data = markedData();
    const [comment] = data.comments.get(find("WEB-5").id) ?? [];
    if (!comment) throw new Error("no comment");
    comment.changeLog = [
      toChange("parentIssue", null, "OPS-1"),
      toChange("relatedIssue", "WEB-1", "WEB-1, ops-2"),
      toChange("parentIssue", "WEB-1", "WEB-2"),
      toChange("milestone", null, "SPRINT-42"),
    ];
    await using space = startSampleSpace({ data });
    const call = open(space);
    const { entries } = await call.listComments("WEB-5", { count: 100 });
    const changes = entries.find(({ id }) => id === comment.id)?.changeLog;
    expect(changes?.map(({ newValue }) => newValue)).toEqual([
      "WEB-2",
      "SPRINT-42",
    ]);
    expect([...call.notes]).toEqual([
      "BACKLOG_PROJECTS leaves out 2 entries of other projects.",
    ]);
  });

  test("what somebody did there is left out and counted", async () => {
    const activity = (id: number, projectKey: string) => ({
      id,
      type: 2,
      created: "2026-11-20T00:00:00Z",
      project: { id, projectKey },
    });
    await using space = startSampleSpace({
      answer: (_, path) =>
        path.endsWith("/activities")
          ? Response.json([activity(1, "OPS"), activity(2, "WEB")])
          : undefined,
    });
    const call = open(space);
    const page = await call.listActivities(7, {});
    expect(page.sent.map(({ id, entry }) => [id, entry?.id])).toEqual([
      [1, undefined],
      [2, 2],
    ]);
    expect([...call.notes]).toEqual([
      "BACKLOG_PROJECTS leaves out 1 entry of other projects.",
    ]);
  });
});

describe("each request of the client, asked for another project, brings an error of the one sentence", () => {
  const id = String(OPS_1);
  test.each<[string, (call: BacklogCall) => Promise<unknown>]>([
    ["getIssue by key", (call) => call.getIssue("OPS-1")],
    ["getIssue by ID", (call) => call.getIssue(id)],
    ["getIssueRow by key", (call) => call.getIssueRow("ops-1")],
    ["getIssueRow by ID", (call) => call.getIssueRow(id)],
    ["listComments by key", (call) => call.listComments("OPS-1", {})],
    ["listComments by ID", (call) => call.listComments(id, {})],
    ["countComments by ID", (call) => call.countComments(id)],
    ["listRelatedIssues by ID", (call) => call.listRelatedIssues(id)],
    ["getAttachment by key", (call) => call.getAttachment("OPS-1", 1, 9)],
    ["getAttachment by ID", (call) => call.getAttachment(id, 1, 9)],
    ["listProjectUsers by key", (call) => call.listProjectUsers("OPS")],
    ["listProjectUsers by ID", (call) => call.listProjectUsers(OPS)],
    ["listProjectChoices", (call) => call.listProjectChoices(OPS, "statuses")],
    ["listCustomFields", (call) => call.listCustomFields("OPS")],
  ])("%s", async (_, ask) => {
    await using space = startSampleSpace({ data: markedData() });
    const message = await messageOf(ask(open(space)));
    expect(message).toEndWith(` has nothing to show. ${SENTENCE}`);
  });

  test.each<[string, (call: BacklogCall) => Promise<unknown>, unknown]>([
    ["countIssues", (call) => call.countIssues({}), IN_WEB.length],
    ["countIssues there", (call) => call.countIssues({ projectId: [OPS] }), 0],
    [
      "listProjects",
      async (call) => (await call.listProjects()).map((one) => one.projectKey),
      ["WEB"],
    ],
    [
      "getIssue, which would count children",
      async (call) => (await call.getIssue("WEB-1")).childIssueSummary,
      undefined,
    ],
  ])("or what is left: %s", async (_, ask, expected) => {
    await using space = startSampleSpace({ data: markedData() });
    expect(await ask(open(space))).toEqual(expected);
  });

  test("what belongs to an issue that a list has shown needs no second look", async () => {
    await using space = startSampleSpace();
    const call = open(space);
    await call.listIssues({ count: 100 });
    await call.listComments("WEB-5", { count: 100 });
    expect(asked(space)).toEqual([
      "/projects",
      "/issues",
      "/issues/WEB-5/comments",
    ]);
  });

  test.each([400, 403])("a refusal with %d says it, too", async (status) => {
    await using space = startSampleSpace({
      answer: (_, path) =>
        path === "/issues/WEB-1"
          ? Response.json({ errors: [{ message: "No.", code: 5 }] }, { status })
          : undefined,
    });
    expect(await messageOf(open(space).getIssueRow("WEB-1"))).toEndWith(
      ` ${SENTENCE}`,
    );
  });
});

describe("a list with a mistake in it", () => {
  test("names in a note what Backlog does not show", async () => {
    await using space = startSampleSpace();
    const call = open(space, ["web", "WBE", "GONE"]);
    await call.getIssue("WEB-1");
    expect([...call.notes]).toEqual([
      "BACKLOG_PROJECTS names WBE, GONE, which Backlog does not show to this key.",
    ]);
  });

  test.each([
    {
      name: "no project that Backlog shows",
      projects: ["WBE"],
      why: "Backlog shows none of WBE to this key",
      requests: ["/projects"],
    },
    {
      name: "no project in common",
      projects: [],
      why: "the lists in force have no project in common",
      requests: [],
    },
  ])(
    "that leaves $name refuses every call",
    async ({ projects, why, requests }) => {
      await using space = startSampleSpace();
      const error = `BACKLOG_PROJECTS leaves no project to read: ${why}. Check it where it is set (backlog-mcp check shows where); retrying will not help before that.`;
      for (const ask of [
        (call: BacklogCall) => call.listIssues({}),
        (call: BacklogCall) => call.countIssues({}),
        (call: BacklogCall) => call.listProjects(),
        (call: BacklogCall) => call.listProjectUsers("WEB"),
      ]) {
        space.requests.length = 0;
        expect(await messageOf(ask(open(space, projects)))).toBe(error);
        expect<unknown>(asked(space)).toEqual(requests);
      }
      await using server = await connectInProcess(space, { projects });
      expect((await server.list()).isError).toBe(true);
      expect((await server.details({ issue_key: "WEB-1" })).isError).toBe(true);
    },
  );
});

test("without such a list nothing is asked besides, and nothing is left out", async () => {
  await using space = startSampleSpace();
  const { url: origin, apiKey } = space;
  const call = new Backlog({ origin, apiKey }).open();
  expect(call.restriction).toBeUndefined();
  const { entries } = await call.listIssues({ count: 100 });
  expect(new Set(entries.map(({ projectId }) => projectId)).size).toBe(4);
  await call.listComments("OPS-1", { count: 100 });
  expect(asked(space)).toEqual(["/issues", "/issues/OPS-1/comments"]);
  expect([...call.notes]).toEqual([]);
});
