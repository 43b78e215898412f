import { describe, expect, test } from "bun:test";
import { Backlog, type BacklogCall } from "../backlog.ts";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { toChange } from "../sample-space/space.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { commentsOf, issueOf } from "./helpers.ts";

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

const MARKED = markedData();
const { id: OPS_1, projectId: OPS } = issueOf(MARKED, "OPS-1");
const { projectId: WEB } = issueOf(MARKED, "WEB-1");
const of = (id: number) => MARKED.issues.filter((one) => one.projectId === id);
const [IN_WEB, IN_OPS] = [of(WEB).length, of(OPS)];

function open(space: SampleSpace, projects = ["WEB"]): BacklogCall {
  const { url: origin, apiKey } = space;
  return new Backlog({ origin, apiKey, projects }).open();
}

/** A space that answers one path so, whatever it has. */
function answering(path: string, body: unknown, status = 200) {
  const answer: SampleSpaceOptions["answer"] = (_, asked) =>
    asked === path ? Response.json(body, { status }) : undefined;
  return { answer };
}

function asked(space: SampleSpace): string[] {
  return space.requests.map(({ path }) => path);
}

const leftOut = (count: number, entries: string) =>
  `BACKLOG_PROJECTS leaves out ${count} ${entries} of other projects.`;
const web3 = issueOf(MARKED, "WEB-3");

describe("what an assistant asks of a project that BACKLOG_PROJECTS leaves out", () => {
  const refuse = (key: unknown) =>
    `GET /issues/${key} has nothing to show. ${SENTENCE}`;
  const OF_WEB = `${IN_WEB} issues match`;
  test.each<[string, Record<string, unknown>, string, SampleSpaceOptions?]>([
    ["an issue by its ID", { issue_key: `${OPS_1}` }, refuse(OPS_1)],
    ["a file of it", { issue_key: `${OPS_1}#attachment-1` }, refuse(OPS_1)],
    ["an ID of nothing, in the same words", { issue_key: "99" }, refuse(99)],
    [
      "an issue that has moved there, under its old key",
      { issue_key: "WEB-5" },
      refuse("WEB-5"),
      answering("/issues/WEB-5", issueOf(MARKED, "OPS-1")),
    ],
    ["a related issue", { issue_key: "WEB-3" }, leftOut(1, "entry")],
    [
      "a parent",
      { issue_key: "WEB-3" },
      `The parent (ID ${OPS_1}) could not be read: `,
      answering("/issues/WEB-3", { ...web3, parentIssueId: OPS_1 }),
    ],
    ["the rest of a list, of its total, too", {}, OF_WEB],
    [
      "what a space sends all the same",
      { limit: 4 },
      leftOut(3, "entries"),
      answering("/issues", [web3, ...IN_OPS.slice(0, 3)]),
    ],
    [
      "its key",
      { project_keys: ["OPS"] },
      `No project "OPS". Projects: WEB (Web application).\n${SENTENCE}`,
    ],
    ["its ID: nothing is asked", { project_ids: [OPS] }, "No project is left"],
    ["its ID beside one", { project_ids: [OPS, WEB] }, OF_WEB],
    ["children of an ID", { parent_issue_ids: [OPS_1] }, "No issues match"],
    ["children of a key", { parent_issue_keys: ["OPS-1"] }, refuse("OPS-1")],
    [
      "a status",
      { status_names: ["保留"] },
      `, Closed. Also: any, not closed (the default).\n${SENTENCE}`,
    ],
    ["a milestone", { milestone_names: ["no such"] }, SENTENCE],
    ["a word in a text", { keyword: "for you" }, "No issues match"],
  ])("is not told: %s", async (_, args, says, options = {}) => {
    await using space = startSampleSpace({ data: markedData(), ...options });
    await using server = await connectInProcess(space, { projects: ["WEB"] });
    const any = { assignee_names: ["anyone"], status_names: ["any"] };
    const { text } = await ("issue_key" in args
      ? server.details(args)
      : server.list({ limit: 500, ...any, ...args }));
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

  test("a change that names an issue there; one that looks so by chance stays", async () => {
    const data = sampleData();
    const [comment] = commentsOf(data, "WEB-5");
    if (!comment) throw new Error("no comment");
    comment.changeLog = [
      toChange("parentIssue", null, "OPS-1"),
      toChange("relatedIssue", "WEB-1", "WEB-1, ops-2"),
      toChange("parentIssue", "WEB-1", "web-2"),
      toChange("milestone", null, "SPRINT-42"),
    ];
    await using space = startSampleSpace({ data });
    const call = open(space);
    const { entries } = await call.listComments("WEB-5", { count: 100 });
    const changes = entries.find(({ id }) => id === comment.id)?.changeLog;
    const values = changes?.map(({ newValue }) => newValue);
    expect(values).toEqual(["web-2", "SPRINT-42"]);
    expect([...call.notes]).toEqual([leftOut(2, "entries")]);
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
    ["getAttachment by ID", (call) => call.getAttachment(id, 1, 9)],
    ["listProjectUsers by key", (call) => call.listProjectUsers("OPS")],
    ["listProjectUsers by ID", (call) => call.listProjectUsers(OPS)],
    ["listProjectChoices", (call) => call.listProjectChoices(OPS, "statuses")],
    ["listCustomFields", (call) => call.listCustomFields("OPS")],
  ])("%s", async (_, ask) => {
    await using space = startSampleSpace({ data: markedData() });
    await expect(ask(open(space))).rejects.toThrow(
      ` has nothing to show. ${SENTENCE}`,
    );
  });

  test("what is left out of pages keeps its place, and is told once with the sum of it", async () => {
    const created = "2026-11-20T00:00:00Z";
    const activities = ["OPS", "WEB"].map((projectKey, id) => {
      return { id, type: 1, created, project: { projectKey } };
    });
    await using space = startSampleSpace({
      answer: (_, path) =>
        path.endsWith("activities") ? Response.json(activities) : undefined,
    });
    const call = open(space);
    for (const user of [7, 8]) {
      const { sent } = await call.listActivities(user, {});
      const places = sent.map(({ id, entry }) => `${id}: ${entry?.id}`);
      expect(places).toEqual(["0: undefined", "1: 1"]);
    }
    expect(asked(space).filter((path) => path === "/projects")).toHaveLength(1);
    expect([...call.notes]).toEqual([leftOut(2, "entries")]);
  });

  test("children are not counted, even where Backlog sends their number", async () => {
    const issue = { ...web3, childIssueSummary: { total: 3, closed: 1 } };
    await using space = startSampleSpace(answering("/issues/WEB-3", issue));
    const read = await open(space).getIssue("WEB-3");
    expect(read.childIssueSummary).toBeUndefined();
  });

  test("a request that names each of 400 projects is refused, and says how to go on", async () => {
    const projects = Array.from({ length: 400 }, (_, index) => {
      return { id: 1e6 + index, projectKey: `P${index}` };
    });
    await using space = startSampleSpace(answering("/projects", projects));
    const keys = projects.map(({ projectKey }) => projectKey);
    await expect(open(space, keys).countIssues({})).rejects.toThrow(
      "The filters make a request of 9613 bytes, more than the 8000 that are safe to send. Name fewer IDs or names. Where no project is named, each that BACKLOG_PROJECTS allows is asked for: name some of them.",
    );
  });

  test("what belongs to an issue that a list has shown needs no second look", async () => {
    await using space = startSampleSpace();
    const call = open(space);
    await call.listIssues({ count: 100 });
    await call.listComments("WEB-5", { count: 100 });
    const paths = ["/projects", "/issues", "/issues/WEB-5/comments"];
    expect(asked(space)).toEqual(paths);
  });

  test.each([400, 403])("a refusal with %d says it, too", async (status) => {
    const body = { errors: [{ message: "No.", code: 5 }] };
    const refusing = answering("/issues/WEB-1", body, status);
    await using space = startSampleSpace(refusing);
    await expect(open(space).getIssueRow("WEB-1")).rejects.toThrow(SENTENCE);
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
    [["WBE"], "Backlog shows none of WBE to this key", ["/projects"]],
    [[], "the lists in force have no project in common", []],
  ])(
    "that leaves no project of %j refuses every call",
    async (projects, why, paths) => {
      await using space = startSampleSpace();
      const error = new Error(
        `BACKLOG_PROJECTS leaves no project to read: ${why}. Check it where it is set (backlog-mcp check shows where); retrying will not help before that.`,
      );
      const call = () => open(space, projects);
      await expect(call().listIssues({})).rejects.toThrow(error);
      expect<unknown>(asked(space)).toEqual(paths);
      await expect(call().countIssues({})).rejects.toThrow(error);
      await expect(call().listProjects()).rejects.toThrow(error);
      await expect(call().listProjectUsers("WEB")).rejects.toThrow(error);
      const issue = call().getIssue("WEB-1");
      await expect(issue).rejects.toThrow(projects.length > 0 ? SENTENCE : why);
    },
  );
});
