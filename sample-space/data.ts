import { join } from "node:path";
import {
  at,
  byId,
  byKey,
  byLogin,
  byName,
  COMPANY,
  type Comment,
  type Layout,
  type Remark,
  type SpaceData,
  toComment,
  toIssue,
  toProject,
  toUser,
} from "./shapes.ts";

export type { Issue, ProjectData, SpaceData } from "./shapes.ts";
export { byKey, byLogin } from "./shapes.ts";

/** The believable space: three live projects, one archived. */
export function sampleData({
  japanese = false,
  olderDates = false,
} = {}): SpaceData {
  const data = emptySpace(japanese);
  for (const layout of COMPANY.projects) {
    data.projects.push(toProject(layout, toNames(japanese).statuses));
  }
  for (const [key, facts] of Object.entries(COMPANY.issues)) {
    const created = `${facts.created}:00Z`;
    const updated = `${facts.updated}:00Z`;
    data.issues.push(toIssue(data, key, { ...facts, created, updated }));
  }
  addCustomFields(data);
  addFiles(data);
  for (const [key, others] of Object.entries(COMPANY.related)) {
    const ids = others.map((other) => byKey(data, other).id);
    data.related.set(byKey(data, key).id, ids);
  }
  addComments(data);
  if (!olderDates) return data;
  // Older records have midnight of the space's zone instead of UTC.
  const toOlder = <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value).replace(
        /"([\d-]{10})T00:00:00Z"/g,
        (_, day) => `"${plus(day, -9 * 3600)}"`,
      ),
    );
  const { projects, issues } = data;
  return { ...data, projects: toOlder(projects), issues: toOlder(issues) };
}

type Size = Record<"projects" | "issues", number> & {
  customStatuses?: boolean;
  closedShare?: number;
  assignedToMe?: number;
  titles?: "short" | "long";
};

/** A space of the asked size for tests of scale; `updated` falls by index. */
export function largeData(size: Size): SpaceData {
  const { projects, issues, customStatuses = false } = size;
  const { closedShare = 0.3, assignedToMe = issues, titles } = size;
  const data = emptySpace();
  const customs: Layout["customs"] = customStatuses ? { 検収待ち: 2001 } : {};
  for (let n = 1; n <= projects; n += 1) {
    const layout = { id: 1073900000 + n, key: `P${n}`, name: `Project ${n}` };
    const parts = { ...layout, customs, versions: { "v1.0": [] } };
    data.projects.push(toProject(parts, COMPANY.english.statuses));
  }
  const custom = customStatuses ? Math.round(issues * 0.05) : 0;
  const closed = Math.round(issues * closedShare);
  const others = data.users.filter((user) => user.id !== data.me);
  for (let index = 0; index < issues; index += 1) {
    // Multiplying by a prime scatters each share over the order of updates.
    const rank = (index * 7919 + 13) % issues;
    const isMine = (index * 104729 + 7) % issues < assignedToMe;
    const standard = rank < custom + closed ? 4 : 1 + (rank % 3);
    const due = plus("2026-10-01", ((index * 11) % 90) * 86_400);
    const key = `P${(index % projects) + 1}-${Math.floor(index / projects) + 1}`;
    const issue = toIssue(data, key, {
      type: "Task",
      title: toTitle(index, titles),
      text: `Entry ${index + 1} of ${issues}.`,
      status: rank < custom ? "検収待ち" : standard,
      priority: 2 + (index % 3),
      created: plus("2026-09-01", -index * 420),
      updated: plus("2026-11-21T14:00:00Z", -index * 420),
    });
    data.issues.push({
      ...{ ...issue, id: 1080000000 + index },
      dueDate: index % 4 === 0 ? null : due,
      assignee: isMine
        ? byId(data.users, data.me)
        : at(others, index % others.length),
    });
  }
  return data;
}

/** Replaces an issue's comments by `count` new ones, a minute apart. */
export function addThread(
  data: SpaceData,
  issueKey: string,
  count: number,
  options: { text?: (n: number) => string; changeOnlyEvery?: number } = {},
): void {
  const { id, created } = byKey(data, issueKey);
  const { changeOnlyEvery = count + 1 } = options;
  const text = options.text ?? ((n) => `${at(COMPANY.remarks, n)} (${n})`);
  data.comments.delete(id);
  for (let n = 1; n <= count; n += 1) {
    const hours = { field: "actualHours", from: `${n - 1}`, to: `${n}` };
    say(data, issueKey, {
      by: at(["hana", "ken", "hanako"], n),
      at: plus(created, n * 60),
      ...(n % changeOnlyEvery === 0 ? { changes: [hours] } : { text: text(n) }),
    });
  }
}

/** A comment or change by `login`, as if just made; the issue is updated. */
export function addComment(
  data: SpaceData,
  issueKey: string,
  remark: Remark,
): Comment {
  byKey(data, issueKey).updated = remark.at;
  return say(data, issueKey, remark);
}

/** The same changes to several issues, made in one go. */
export function addBulkUpdate(
  data: SpaceData,
  keys: string[],
  update: Remark,
): void {
  const comments = keys.map((key) => addComment(data, key, update));
  data.bulkUpdates.push(comments.map(({ id }) => id));
}

/** An instant, or a day's midnight, some seconds later. */
function plus(instant: string, seconds: number): string {
  const moved = new Date(Date.parse(instant) + seconds * 1000);
  return moved.toISOString().replace(".000Z", "Z");
}

function emptySpace(japanese = false): SpaceData {
  const { priorities, resolutions } = toNames(japanese);
  return {
    space: { ...COMPANY.space },
    users: COMPANY.users.map(toUser),
    me: 1073936937,
    priorities: priorities.map((name, index) => ({ id: index + 2, name })),
    resolutions: resolutions.map((name, id) => ({ id, name })),
    projects: [],
    issues: [],
    comments: new Map(),
    related: new Map(),
    bulkUpdates: [],
    files: new Map(),
  };
}

function toNames(japanese: boolean) {
  return COMPANY[japanese ? "japanese" : "english"];
}

function toTitle(index: number, length: Size["titles"]): string {
  const short = `${at(COMPANY.remarks, index)} #${index + 1}`;
  const long = `${short} ${COMPANY.remarks.join(" ")}`;
  const title = length === "long" ? long : short;
  return title.replace(/\s+/g, " ").slice(0, 240);
}

/** WEB defines one of each type; its bugs have them, most of them empty. */
function addCustomFields(data: SpaceData): void {
  const web = at(data.projects, 0);
  const toId = (type: number) => 1073742485 + type;
  const fields = structuredClone(COMPANY.fields);
  web.customFields = fields.map(({ type, name, items }) => ({
    ...{ ...COMPANY.alike.field, id: toId(type), name, typeId: type },
    projectId: web.project.id,
    // Only lists have items; the reference leaves the key out elsewhere.
    ...(items && { items, allowAddItem: false }),
  }));
  for (const { issueKey, issueType, customFields } of data.issues) {
    if (issueType !== byName(web.issueTypes, "Bug")) continue;
    for (const { type, name, items, ...filled } of fields) {
      const value = Array.isArray(filled.value) ? [] : null;
      const empty = type < 7 ? { value } : { value, otherValue: null };
      customFields.push({
        ...{ id: toId(type), fieldTypeId: type, name },
        ...(issueKey === "WEB-5" ? filled : empty),
      });
    }
  }
}

function addFiles(data: SpaceData): void {
  for (const { on, by, at: created, id, name, text } of COMPANY.files) {
    const path = join(import.meta.dir, name);
    const content = text ? new Blob([text]) : Bun.file(path);
    const { size } = content;
    const createdUser = byLogin(data, by);
    const file = { id, name, size, createdUser, created };
    byKey(data, on).attachments.push(file);
    data.files.set(id, () => new Response(content));
  }
  const { sharedFiles, stars } = byKey(data, "WEB-5");
  const createdUser = byLogin(data, "hana");
  sharedFiles.push({ ...COMPANY.shared, createdUser });
  stars.push({ ...COMPANY.star, presenter: byLogin(data, "ken") });
}

function addComments(data: SpaceData): void {
  for (const { on, star, ...remark } of COMPANY.comments) {
    const comment = say(data, on, remark);
    const url = `${COMPANY.star.url}#comment-1`;
    const presenter = byLogin(data, "ken");
    if (star) comment.stars.push({ ...COMPANY.star, url, presenter });
  }
  for (let n = 1; n <= 48; n += 1) {
    const text = `${at(COMPANY.remarks, n)} (run ${n})`;
    const comment = addComment(data, "WEB-12", {
      by: at(["ken", "hana", "hanako"], n),
      at: plus("2026-10-05T01:05:00Z", n * 84_540),
      ...(COMPANY.thread[n] ?? { text }),
    });
    const user = byLogin(data, "hana");
    if (n === 1) comment.notifications.push({ ...COMPANY.notification, user });
  }
}

function say(data: SpaceData, key: string, remark: Remark): Comment {
  const issue = byKey(data, key);
  const comments = data.comments.get(issue.id) ?? [];
  const id = lastCommentId(data) + toGap(comments.length + 1);
  const comment = toComment(data, issue, { id, ...remark });
  data.comments.set(issue.id, [...comments, comment]);
  return comment;
}

function lastCommentId(data: SpaceData): number {
  const lists = [...data.comments.values()];
  return Math.max(1102837700, ...lists.map((list) => list.at(-1)?.id ?? 0));
}

/** Comment IDs are shared by the space: some adjacent, most with gaps. */
function toGap(n: number): number {
  return 1 + ((n * n) % 7);
}
