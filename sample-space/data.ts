import { join } from "node:path";
import {
  at,
  byId,
  byKey,
  byLogin,
  byName,
  type ChangeFacts,
  type Choice,
  COMPANY,
  type Comment,
  type CustomField,
  type Facts,
  type Field,
  found,
  type Issue,
  type Layout,
  type Named,
  type Remark,
  type SpaceData,
  toChange,
  toComment,
  toProject,
  toUser,
} from "./shapes.ts";

export type { Issue, ProjectData, SpaceData } from "./shapes.ts";
export { byKey, byLogin } from "./shapes.ts";

const COLORS = ["#ed8077", "#4488c5", "#5eb5a6", "#b0be3c"];

/** The believable space: three live projects, one archived. */
export function sampleData({
  japanese = false,
  olderDates = false,
} = {}): SpaceData {
  const data = emptySpace(japanese);
  for (const layout of COMPANY.projects) addProject(data, layout, japanese);
  for (const { is, title, text } of COMPANY.issues) {
    data.issues.push(toIssue(data, is, { title, text }));
  }
  addCustomFields(data);
  addFiles(data);
  for (const [key, others] of Object.entries(COMPANY.related)) {
    for (const other of others) relate(data, key, other);
  }
  addComments(data);
  if (!olderDates) return data;
  // Older records have midnight of the space's zone instead of UTC.
  const toOlder = (_: string, value: unknown) =>
    typeof value === "string" && value.endsWith("T00:00:00Z")
      ? plus(value, -9 * 3600)
      : value;
  return {
    ...data,
    projects: JSON.parse(JSON.stringify(data.projects), toOlder),
    issues: JSON.parse(JSON.stringify(data.issues), toOlder),
  };
}

/** A space of the asked size for tests of scale; `updated` falls by index. */
export function largeData({
  projects,
  issues,
  customStatuses = false,
  closedShare = 0.3,
  assignedToMe = issues,
  customStatusIssues = Math.round(issues * 0.05),
  titles = "short",
}: {
  projects: number;
  issues: number;
  customStatuses?: boolean;
  closedShare?: number;
  assignedToMe?: number;
  customStatusIssues?: number;
  titles?: "short" | "long";
}): SpaceData {
  const data = emptySpace();
  const customs: Layout["customs"] = customStatuses ? { 検収待ち: 2001 } : {};
  for (let n = 1; n <= projects; n += 1) {
    const layout = { id: 1073900000 + n, key: `P${n}`, name: `Project ${n}` };
    addProject(data, { ...layout, customs, versions: { "v1.0": [] } });
  }
  const custom = customStatuses ? customStatusIssues : 0;
  const closed = Math.round(issues * closedShare);
  const others = data.users.filter((user) => user.id !== data.me);
  for (let index = 0; index < issues; index += 1) {
    // Multiplying by a prime scatters each share over the order of updates.
    const rank = (index * 7919 + 13) % issues;
    const isMine = (index * 104729 + 7) % issues < assignedToMe;
    const standard = rank < custom + closed ? 4 : 1 + (rank % 3);
    const facts = {
      key: `P${(index % projects) + 1}-${Math.floor(index / projects) + 1}`,
      type: "Task",
      status: rank < custom ? "検収待ち" : standard,
      priority: 2 + (index % 3),
      created: "",
      updated: "",
    };
    const text = `Entry ${index + 1} of ${issues}.`;
    const due = plus("2026-10-01", ((index * 11) % 90) * 86_400);
    data.issues.push({
      ...toIssue(data, facts, { title: toTitle(index, titles), text }),
      id: 1080000000 + index,
      created: plus("2026-09-01", -index * 420),
      updated: plus("2026-11-21T14:00:00Z", -index * 420),
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
  const issue = byKey(data, issueKey);
  data.comments.delete(issue.id);
  const text = options.text ?? ((n) => `${at(COMPANY.remarks, n)} (${n})`);
  let id = lastCommentId(data);
  const comments = Array.from({ length: count }, (_, index) => {
    const n = index + 1;
    const isSilent = n % (options.changeOnlyEvery ?? count + 1) === 0;
    id += toGap(n);
    return toComment(issue, {
      id,
      content: isSilent ? null : text(n),
      changeLog: isSilent ? [toChange("actualHours", `${n - 1}`, `${n}`)] : [],
      createdUser: at(data.users, n % 3),
      created: plus(issue.created, n * 60),
    });
  });
  data.comments.set(issue.id, comments);
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

/** The day's midnight, or an instant, some seconds later. */
function plus(instant: string, seconds = 0): string {
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

function addProject(data: SpaceData, layout: Layout, japanese = false): void {
  const { id: projectId, customs = {}, versions = {} } = layout;
  const { types = ["Bug", "Task", "Request"], categories = [] } = layout;
  const base = (projectId - 1073800000) * 10;
  const list = (firstId: number, words: string[]): Choice[] =>
    words.map((name, displayOrder) => {
      const id = firstId + base + displayOrder;
      return { id, projectId, name, displayOrder };
    });
  const standard = toNames(japanese).statuses.map((name, index) => {
    const displayOrder = (index + 1) * 1000;
    const color = at(COLORS, index);
    return { id: index + 1, projectId, name, color, displayOrder };
  });
  const custom = Object.entries(customs).map(([name, displayOrder], index) => {
    const id = 245000 + (projectId % 100000) * 2 + index;
    return { id, projectId, name, color: "#e87758", displayOrder };
  });
  data.projects.push({
    project: toProject(layout),
    statuses: [...standard, ...custom].sort(
      (a, b) => a.displayOrder - b.displayOrder,
    ),
    issueTypes: list(1074000000, types).map((type, index) => ({
      ...{ ...type, color: at(COLORS, index) },
      ...{ templateSummary: null, templateDescription: null },
    })),
    categories: list(1075000000, categories),
    versions: list(1073000000, Object.keys(versions)).map((version) => {
      const [start, end] = versions[version.name] ?? [];
      return {
        ...{ ...version, description: null, archived: false },
        startDate: toDay(start),
        releaseDueDate: toDay(end),
      };
    }),
    members: data.users.map((user) => user.id),
  });
}

function toDay(day?: string): string | null {
  return day ? plus(day) : null;
}

function toIssue(
  data: SpaceData,
  facts: Facts,
  { title, text }: { title: string; text?: string | undefined },
): Issue {
  const { key, status = 1, by = "ken", hours = [null, null] } = facts;
  const { resolution, priority, assignee, parent } = facts;
  const [projectKey = "", number] = key.split("-");
  const owner = found(
    data.projects,
    ({ project }) => project.projectKey === projectKey,
    key,
  );
  const projectId = owner.project.id;
  const every = <T extends Named>(list: T[], name?: string) =>
    name === undefined ? [] : [byName(list, name)];
  const author = byLogin(data, by);
  const hasResolution = resolution !== undefined;
  return {
    id: projectId + 5_000_000 + Number(number) * 5,
    projectId,
    issueKey: key,
    keyId: Number(number),
    issueType: byName(owner.issueTypes, facts.type),
    summary: title,
    description: text ?? "",
    resolution: hasResolution ? byId(data.resolutions, resolution) : null,
    priority: priority ? byId(data.priorities, priority) : null,
    status:
      typeof status === "number"
        ? byId(owner.statuses, status)
        : byName(owner.statuses, status),
    assignee: assignee ? byLogin(data, assignee) : null,
    category: every(owner.categories, facts.category),
    versions: every(owner.versions, facts.version),
    milestone: every(owner.versions, facts.milestone),
    startDate: toDay(facts.start),
    dueDate: toDay(facts.due),
    estimatedHours: hours[0],
    actualHours: hours[1],
    parentIssueId: parent ? byKey(data, parent).id : null,
    createdUser: author,
    created: `${facts.created}:00Z`,
    updatedUser: author.userId === null ? null : author,
    updated: `${facts.updated}:00Z`,
    customFields: [],
    attachments: [],
    sharedFiles: [],
    externalFileLinks: [],
    stars: [],
  };
}

function toTitle(index: number, length: "short" | "long"): string {
  const short = `${at(COMPANY.remarks, index)} #${index + 1}`;
  const long = `${short} ${COMPANY.remarks.join(" ")}`;
  const title = length === "short" ? short : long;
  return title.replace(/\s+/g, " ").slice(0, 240);
}

/** WEB defines one of each type; its bugs have them, most of them empty. */
function addCustomFields(data: SpaceData): void {
  const web = at(data.projects, 0);
  const fields = COMPANY.fields.map(toField);
  web.customFields = fields.map(({ field, items }) => ({
    ...COMPANY.alike.field,
    ...{ id: field.id, name: field.name, typeId: field.fieldTypeId },
    projectId: web.project.id,
    // Only lists have items; the reference leaves the key out elsewhere.
    ...(field.fieldTypeId < 5 ? {} : { items, allowAddItem: false }),
  }));
  for (const issue of data.issues) {
    if (issue.issueType !== byName(web.issueTypes, "Bug")) continue;
    issue.customFields = fields.map(({ field, empty }) => ({
      ...(issue.issueKey === "WEB-5" ? field : empty),
    }));
  }
}

/** A custom field with a value, without one, and what can be chosen. */
function toField({ type, name, value, items = [], other }: Field) {
  const list = items.map((item, displayOrder) => {
    return { id: displayOrder + 1, name: item, displayOrder };
  });
  const isMany = type === 6 || type === 7;
  const toValue = (): CustomField["value"] => {
    if (!Array.isArray(value)) return type === 4 ? toDay(`${value}`) : value;
    const chosen = list.filter(({ id }) => value.includes(id));
    return isMany ? chosen : at(chosen, 0);
  };
  const field = { id: 1073742485 + type, fieldTypeId: type, name };
  const also = (otherValue: string | null) => (type < 7 ? {} : { otherValue });
  return {
    field: { ...field, value: toValue(), ...also(other ?? null) },
    empty: { ...field, value: isMany ? [] : null, ...also(null) },
    items: list,
  };
}

function addFiles(data: SpaceData): void {
  for (const { on, by, at: created, id, name, text } of COMPANY.files) {
    const path = join(import.meta.dir, name);
    const content = text ? new Blob([text]) : Bun.file(path);
    const file = { id, name, size: content.size, created };
    byKey(data, on).attachments.push({
      ...file,
      createdUser: byLogin(data, by),
    });
    data.files.set(id, () => new Response(content));
  }
  const { projectId, sharedFiles, stars } = byKey(data, "WEB-5");
  const createdUser = byLogin(data, "hana");
  const shared = { ...COMPANY.shared, projectId, createdUser };
  sharedFiles.push(shared);
  stars.push(toStar(data, "WEB-5"));
}

/** Ken's, on an issue or at an anchor on one of its comments. */
function toStar(data: SpaceData, key: string, anchor = "") {
  return {
    ...{ id: 1074694701, ...COMPANY.star },
    url: `https://example.backlog.com/view/${key}${anchor}`,
    title: `[${key}] ${byKey(data, key).summary}`,
    presenter: byLogin(data, "ken"),
  };
}

function relate(data: SpaceData, ...keys: [string, string]): void {
  const [one, other] = keys.map((key) => byKey(data, key).id);
  for (const [from = 0, to = 0] of [
    [one, other],
    [other, one],
  ]) {
    data.related.set(from, [...(data.related.get(from) ?? []), to]);
  }
}

function addComments(data: SpaceData): void {
  for (const { on, star, ...remark } of COMPANY.comments) {
    const comment = say(data, on, remark);
    if (star) comment.stars.push(toStar(data, on, "#comment-1"));
  }
  for (let n = 1; n <= 48; n += 1) {
    const comment = addComment(data, "WEB-12", {
      by: at(["ken", "hana", "hanako"], n),
      at: plus("2026-10-05T01:05:00Z", n * 84_540),
      ...(COMPANY.thread[n] ?? {
        text: `${at(COMPANY.remarks, n)} (run ${n})`,
      }),
    });
    if (n === 1) {
      const read = { alreadyRead: true, resourceAlreadyRead: true };
      const told = { id: 14751874, ...read, reason: 2 };
      comment.notifications.push({ ...told, user: byLogin(data, "hana") });
    }
  }
}

function say(
  data: SpaceData,
  key: string,
  { by, at: created, text, changes = [] }: Remark,
): Comment {
  const issue = byKey(data, key);
  const comments = data.comments.get(issue.id) ?? [];
  const comment = toComment(issue, {
    id: lastCommentId(data) + toGap(comments.length + 1),
    content: text ?? null,
    changeLog:
      changes?.map((change) => toLoggedChange(data, issue, change)) ?? null,
    createdUser: byLogin(data, by),
    created,
  });
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

function toLoggedChange(
  data: SpaceData,
  issue: Issue,
  { field, from, to, file, custom, told }: ChangeFacts,
) {
  const { statuses } = found(
    data.projects,
    ({ project }) => project.id === issue.projectId,
    issue.issueKey,
  );
  const names: Named[] = field === "status" ? statuses : data.resolutions;
  const value = (given: string | number | null = null) =>
    typeof given === "number" ? byId(names, given).name : given;
  const now = field === "description" ? issue.description : value(to);
  return toChange(field, value(from), now, {
    ...(file && { attachmentInfo: { id: file, name: `${to}` } }),
    ...(custom && {
      attributeInfo: { id: 1073742485 + custom, typeId: `${custom}` },
    }),
    ...(told && { notificationInfo: { type: told } }),
  });
}
