import { join } from "node:path";
import {
  byKey,
  byLogin,
  COMPANY,
  type Comment,
  type File,
  find,
  type Layout,
  type Names,
  type Remark,
  type SpaceData,
  toComment,
  toFieldId,
  toIssue,
  toProject,
  toUser,
} from "./shapes.ts";

export type { Issue, ProjectData, SpaceData } from "./shapes.ts";
export { byKey, byLogin } from "./shapes.ts";

/** The believable space: three live projects, one archived. */
export function sampleData({ japanese = false } = {}): SpaceData {
  const names = japanese ? COMPANY.japanese : COMPANY.english;
  const data = toSpace(COMPANY.projects, names);
  for (const [key, facts] of Object.entries(COMPANY.issues)) {
    const created = `${facts.created}:00Z`;
    const updated = `${facts.updated}:00Z`;
    data.issues.push(toIssue(data, key, { ...facts, created, updated }));
  }
  addCustomFields(data);
  for (const { on, by, at: created, id, name, text } of COMPANY.files) {
    const content = text ? new Blob([text]) : Bun.file(join(HERE, name));
    attach(data, on, content, {
      id,
      name,
      createdUser: byLogin(data, by),
      created,
    });
  }
  const createdUser = byLogin(data, "hana");
  byKey(data, "WEB-5").sharedFiles.push({ ...COMPANY.shared, createdUser });
  for (const [key, others] of Object.entries(COMPANY.related)) {
    const ids = others.map((other) => byKey(data, other).id);
    data.related.set(byKey(data, key).id, ids);
  }
  for (const { on, ...remark } of COMPANY.comments) {
    addComment(data, on, remark);
  }
  for (let n = 1; n <= 48; n += 1) {
    const text = `${at(COMPANY.remarks, n)} (run ${n})`;
    addComment(data, "WEB-12", {
      by: at(["ken", "hana", "hanako"], n),
      at: plus("2026-10-05T01:05:00Z", n * 84_540),
      ...(COMPANY.thread[n] ?? { text }),
    });
  }
  return data;
}

type Size = Record<"projects" | "issues", number> & {
  customStatuses?: boolean;
  closedShare?: number;
  assignedToMe?: number;
};

/** A space of the asked size for tests of scale; `updated` falls by index. */
export function largeData(size: Size): SpaceData {
  const { projects, issues, customStatuses = false } = size;
  const { closedShare = 0.3, assignedToMe = issues } = size;
  const customs: Layout["customs"] = customStatuses ? { 検収待ち: 2001 } : {};
  const layouts = Array.from({ length: projects }, (_, index) => {
    const [id, n] = [1073900001 + index, index + 1];
    const names = { projectKey: `P${n}`, name: `Project ${n}` };
    return { id, ...names, customs, versions: { "v1.0": [] } };
  });
  const data = toSpace(layouts, COMPANY.english);
  const custom = customStatuses ? Math.round(issues * 0.05) : 0;
  const closed = Math.round(issues * closedShare);
  const [me, ...others] = data.users;
  for (let index = 0; index < issues; index += 1) {
    // Multiplying by a prime scatters each share over the order of updates.
    const rank = (index * 7919 + 13) % issues;
    const isMine = (index * 104729 + 7) % issues < assignedToMe;
    const standard = rank < custom + closed ? 4 : 1 + (rank % 3);
    const due = plus("2026-10-01", ((index * 11) % 90) * 86_400);
    const key = `P${(index % projects) + 1}-${Math.floor(index / projects) + 1}`;
    const title = `${at(COMPANY.remarks, index)} #${index + 1}`;
    const issue = toIssue(data, key, {
      type: "Task",
      title: title.replace(/\s+/g, " "),
      text: `Entry ${index + 1} of ${issues}.`,
      status: rank < custom ? "検収待ち" : standard,
      priority: 2 + (index % 3),
      created: plus("2026-09-01", -index * 420),
      updated: plus("2026-11-21T14:00:00Z", -index * 420),
    });
    data.issues.push({
      ...{ ...issue, id: 1080000000 + index },
      dueDate: index % 4 === 0 ? null : due,
      assignee: (isMine && me) || at(others, index),
    });
  }
  return data;
}

/** Replaces an issue's comments by `count` new ones, a minute apart. */
export function addThread(
  data: SpaceData,
  issueKey: string,
  count: number,
  {
    text = (n) => `${at(COMPANY.remarks, n)} (${n})`,
  }: {
    /** Where it is undefined, there is a mere change. */
    text?: (n: number) => string | undefined;
  } = {},
): void {
  const { id, created } = byKey(data, issueKey);
  data.comments.delete(id);
  for (let n = 1; n <= count; n += 1) {
    const said = text(n);
    const hours = { field: "actualHours", from: `${n - 1}`, to: `${n}` };
    addComment(data, issueKey, {
      by: at(["hana", "ken", "hanako"], n),
      at: plus(created, n * 60),
      ...(said === undefined ? { changes: [hours] } : { text: said }),
    });
  }
}

/** A comment or change by a login, which updates the issue. */
export function addComment(
  data: SpaceData,
  issueKey: string,
  remark: Remark,
): Comment {
  const issue = byKey(data, issueKey);
  const comments = data.comments.get(issue.id) ?? [];
  // Some IDs are adjacent, most have gaps.
  data.lastCommentId += 1 + ((comments.length + 1) ** 2 % 7);
  const comment = toComment(data, issue, { id: data.lastCommentId, ...remark });
  data.comments.set(issue.id, [...comments, comment]);
  if (issue.updated < remark.at) issue.updated = remark.at;
  return comment;
}

/** The same changes to several issues, made in one go. */
export function addBulkUpdate(
  data: SpaceData,
  keys: string[],
  update: Remark,
): void {
  data.bulkUpdates.push(keys.map((key) => addComment(data, key, update)));
}

/** Attaches a file; by whom and when its issue was made, if not told. */
export function attach(
  data: SpaceData,
  issueKey: string,
  content: Blob,
  told: Partial<File> & { name: string },
): void {
  const { attachments, createdUser, created } = byKey(data, issueKey);
  const id = 9_001 + attachments.length;
  const file = { id, size: content.size, createdUser, created, ...told };
  attachments.push(file);
  data.files.set(file.id, content);
}

/** An instant, or a day's midnight, some seconds later. */
export function plus(instant: string, seconds: number): string {
  const moved = new Date(Date.parse(instant) + seconds * 1000);
  return moved.toISOString().replace(".000Z", "Z");
}

function toSpace(layouts: readonly Layout[], names: Names): SpaceData {
  return {
    space: { ...COMPANY.space },
    users: COMPANY.users.map(toUser),
    me: 1073936937,
    priorities: names.priorities.map((name, index) => ({
      id: index + 2,
      name,
    })),
    resolutions: names.resolutions.map((name, id) => ({ id, name })),
    projects: layouts.map((layout) => toProject(layout, names.statuses)),
    issues: [],
    comments: new Map(),
    lastCommentId: 1102837700,
    related: new Map(),
    bulkUpdates: [],
    files: new Map(),
  };
}

const HERE = import.meta.dir;

/** WEB defines one of each type; its bugs have them, most of them empty. */
function addCustomFields({ projects, issues }: SpaceData): void {
  const web = find(projects, { project: { projectKey: "WEB" } });
  const bug = find(web.issueTypes, { name: "Bug" });
  const fields = structuredClone(COMPANY.fields);
  web.customFields = fields.map(({ type, name, items }) => ({
    ...{ ...COMPANY.alike.field, id: toFieldId(type), name, typeId: type },
    projectId: web.project.id,
    // Only lists have items; the reference leaves the key out elsewhere.
    ...(items && { items, allowAddItem: false }),
  }));
  for (const issue of issues.filter(({ issueType }) => issueType === bug)) {
    issue.customFields = fields.map(({ type, name, items, ...filled }) => ({
      ...{ id: toFieldId(type), fieldTypeId: type, name, ...filled },
      ...(issue.issueKey !== "WEB-5" && {
        value: Array.isArray(filled.value) ? [] : null,
        ...(type >= 7 && { otherValue: null }),
      }),
    }));
  }
}

/** Wraps around, so that a list can be dealt out without end. */
function at<T>(list: readonly T[], index: number): T {
  const [entry] = list.slice(index % list.length);
  if (entry === undefined) throw new Error("Nothing to deal out.");
  return entry;
}
