import {
  type ChangeFacts,
  COMPANY,
  type Facts,
  type Field,
  type IssueText,
  type Remark,
} from "./company.ts";
import {
  at,
  byId,
  byKey,
  byLogin,
  byName,
  type Category,
  type Comment,
  type CustomField,
  found,
  type Issue,
  type Layout,
  type Named,
  type SpaceData,
  toChange,
  toComment,
  toDefinition,
  toEmptyField,
  toIssueType,
  toNotification,
  toProject,
  toSharedFile,
  toStar,
  toUser,
  toVersion,
  type User,
} from "./shapes.ts";

export type { Issue, ProjectData, SpaceData } from "./shapes.ts";
export { byKey, byLogin } from "./shapes.ts";

export type SampleDataOptions = { japanese?: boolean; olderDates?: boolean };

const COLORS = ["#ed8077", "#4488c5", "#5eb5a6", "#b0be3c"];
type ToDate = (day: string) => string;

/** The believable space: three live projects, one archived. */
export function sampleData(options: SampleDataOptions = {}): SpaceData {
  const data = emptySpace(options);
  // Older records have midnight of the space's zone instead of UTC.
  const day: ToDate = (text) => plus(text, options.olderDates ? -9 * 3600 : 0);
  for (const layout of COMPANY.projects) {
    addProject(data, layout, { options, day });
  }
  for (const { is, ...text } of COMPANY.issues) {
    data.issues.push(toIssue(data, is, { ...text, day }));
  }
  addCustomFields(data, day);
  addFiles(data);
  for (const [key, others] of Object.entries(COMPANY.related)) {
    relate(data, key, others);
  }
  addComments(data);
  return data;
}

/** A space of the asked size for tests of scale; `updated` falls by index. */
export function largeData(options: {
  projects: number;
  issues: number;
  customStatuses?: boolean;
  closedShare?: number;
  assignedToMe?: number;
  customStatusIssues?: number;
  titles?: "short" | "long";
}): SpaceData {
  const data = emptySpace({});
  for (let n = 1; n <= options.projects; n += 1) {
    const customs: Layout["customs"] = options.customStatuses
      ? { 検収待ち: 2001 }
      : {};
    const layout = { id: 1073900000 + n, key: `P${n}`, name: `Project ${n}` };
    const versions = { "v1.0": [] };
    addProject(data, { ...layout, customs, versions }, { day: plus });
  }
  const custom = options.customStatuses
    ? (options.customStatusIssues ?? Math.round(options.issues * 0.05))
    : 0;
  const closed = Math.round(options.issues * (options.closedShare ?? 0.3));
  const mine = options.assignedToMe ?? options.issues;
  const others = data.users.filter((user) => user.id !== data.me);
  for (let index = 0; index < options.issues; index += 1) {
    // Multiplying by a prime scatters each share over the order of updates.
    const rank = (index * 7919 + 13) % options.issues;
    const isMine = (index * 104729 + 7) % options.issues < mine;
    const standard = rank < custom + closed ? 4 : 1 + (rank % 3);
    const owner = at(data.projects, index % options.projects);
    const facts = {
      key: `${owner.project.projectKey}-${Math.floor(index / options.projects) + 1}`,
      type: "Task",
      status: rank < custom ? "検収待ち" : standard,
      priority: 2 + (index % 3),
      created: "",
      updated: "",
    };
    data.issues.push({
      ...toIssue(data, facts, {
        title: toTitle(index, options.titles ?? "short"),
        text: `Entry ${index + 1} of ${options.issues}.`,
        day: plus,
      }),
      id: 1080000000 + index,
      created: plus("2026-09-01", -index * 420),
      updated: plus("2026-11-21T14:00:00Z", -index * 420),
      dueDate:
        index % 4 === 0
          ? null
          : plus("2026-10-01", ((index * 11) % 90) * 86_400),
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
  { by, at: created, ...remark }: Remark & { by: string; at: string },
): Comment {
  const comment = say(data, issueKey, byLogin(data, by), created, remark);
  byKey(data, issueKey).updated = created;
  return comment;
}

/** The same changes to several issues, made in one go. */
export function addBulkUpdate(
  data: SpaceData,
  keys: string[],
  update: Parameters<typeof addComment>[2],
): void {
  const comments = keys.map((key) => addComment(data, key, update));
  data.bulkUpdates.push(comments.map(({ id }) => id));
}

/** The day's midnight, or an instant, some seconds later. */
function plus(instant: string, seconds = 0): string {
  const moved = new Date(Date.parse(instant) + seconds * 1000);
  return moved.toISOString().replace(".000Z", "Z");
}

function emptySpace({ japanese }: SampleDataOptions): SpaceData {
  const names = COMPANY[japanese ? "japanese" : "english"];
  return {
    space: { ...COMPANY.space },
    users: COMPANY.users.map(toUser),
    me: 1073936937,
    priorities: names.priorities.map((name, index) => ({
      id: index + 2,
      name,
    })),
    resolutions: names.resolutions.map((name, id) => ({ id, name })),
    projects: [],
    issues: [],
    comments: new Map(),
    related: new Map(),
    bulkUpdates: [],
    files: new Map(),
  };
}

function addProject(
  data: SpaceData,
  layout: Layout,
  { options = {}, day }: { options?: SampleDataOptions; day: ToDate },
): void {
  const projectId = layout.id;
  const base = (projectId - 1073800000) * 10;
  const names = COMPANY[options.japanese ? "japanese" : "english"];
  const list = (firstId: number, words: string[] = []): Category[] =>
    words.map((name, displayOrder) => ({
      id: firstId + base + displayOrder,
      projectId,
      name,
      displayOrder,
    }));
  const statuses = names.statuses.map((name, index) => ({
    id: index + 1,
    projectId,
    name,
    color: at(COLORS, index),
    displayOrder: (index + 1) * 1000,
  }));
  const customs = Object.entries(layout.customs ?? {});
  for (const [index, [name, displayOrder]] of customs.entries()) {
    const id = 245000 + (projectId % 100000) * 2 + index;
    statuses.push({ id, projectId, name, color: "#e87758", displayOrder });
  }
  const versions = layout.versions ?? {};
  data.projects.push({
    project: toProject(layout),
    statuses: statuses.sort((a, b) => a.displayOrder - b.displayOrder),
    issueTypes: list(
      1074000000,
      layout.types ?? ["Bug", "Task", "Request"],
    ).map((type, index) => toIssueType(type, at(COLORS, index))),
    categories: list(1075000000, layout.categories),
    versions: list(1073000000, Object.keys(versions)).map((version) => {
      const [start, end] = versions[version.name] ?? [];
      return toVersion(
        version,
        start ? day(start) : null,
        end ? day(end) : null,
      );
    }),
    members: data.users.map((user) => user.id),
  });
}

function toIssue(
  data: SpaceData,
  facts: Facts,
  { title, text, day }: IssueText & { day: ToDate },
): Issue {
  const end = facts.key.lastIndexOf("-");
  const keyId = Number(facts.key.slice(end + 1));
  const owner = found(
    data.projects,
    ({ project }) => project.projectKey === facts.key.slice(0, end),
    facts.key,
  );
  const projectId = owner.project.id;
  const { status = 1, by = "ken", resolution, priority, assignee } = facts;
  const { start, due, parent, hours = [null, null] } = facts;
  const every = <T extends Named>(list: T[], name?: string) =>
    name === undefined ? [] : [byName(list, name)];
  const author = byLogin(data, by);
  return {
    id: projectId + 5_000_000 + keyId * 5,
    projectId,
    issueKey: facts.key,
    keyId,
    issueType: byName(owner.issueTypes, facts.type),
    summary: title,
    description: text ?? "",
    resolution:
      resolution === undefined ? null : byId(data.resolutions, resolution),
    priority: priority ? byId(data.priorities, priority) : null,
    status:
      typeof status === "number"
        ? byId(owner.statuses, status)
        : byName(owner.statuses, status),
    assignee: assignee ? byLogin(data, assignee) : null,
    category: every(owner.categories, facts.category),
    versions: every(owner.versions, facts.version),
    milestone: every(owner.versions, facts.milestone),
    startDate: start ? day(start) : null,
    dueDate: due ? day(due) : null,
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
function addCustomFields(data: SpaceData, day: ToDate): void {
  const web = at(data.projects, 0);
  const fields = COMPANY.fields.map((field) => toField(field, day));
  web.customFields = fields.map(({ field, items }) =>
    toDefinition(field, web.project.id, items),
  );
  for (const issue of data.issues) {
    if (issue.issueType.name !== "Bug" || issue.projectId !== web.project.id)
      continue;
    const filled = issue.issueKey === "WEB-5";
    issue.customFields = fields.map(({ field }) =>
      filled ? { ...field } : toEmptyField(field),
    );
  }
}

function toField({ type, name, value, items = [], other }: Field, day: ToDate) {
  const list = items.map((item, displayOrder) => ({
    id: displayOrder + 1,
    name: item,
    displayOrder,
  }));
  const chosen = list.filter(
    ({ id }) => Array.isArray(value) && value.includes(id),
  );
  const one = type === 4 ? day(`${value}`) : value;
  const field: CustomField = {
    id: 1073742485 + type,
    fieldTypeId: type,
    name,
    value: !Array.isArray(one)
      ? one
      : type === 6 || type === 7
        ? chosen
        : at(chosen, 0),
    ...(type < 7 ? {} : { otherValue: other ?? null }),
  };
  return { field, items: list };
}

function addFiles(data: SpaceData): void {
  for (const { on, by, ...file } of COMPANY.files) {
    const { attachments, created, updated } = byKey(data, on);
    attachments.push({
      ...file,
      createdUser: byLogin(data, by),
      created: by === "ken" ? created : updated,
    });
  }
  const full = byKey(data, "WEB-5");
  const shared = { id: 1078746378, name: "login-flow.pdf" };
  full.sharedFiles.push(
    toSharedFile(shared, full.projectId, byLogin(data, "hana")),
  );
  full.stars.push(toStar(full, byLogin(data, "ken"), ""));
}

function relate(data: SpaceData, key: string, others: string[]): void {
  const { id } = byKey(data, key);
  for (const other of others.map((otherKey) => byKey(data, otherKey))) {
    data.related.set(id, [...(data.related.get(id) ?? []), other.id]);
    data.related.set(other.id, [...(data.related.get(other.id) ?? []), id]);
  }
}

function addComments(data: SpaceData): void {
  const ken = byLogin(data, "ken");
  const hana = byLogin(data, "hana");
  for (const { on, by, at: created, starred, ...remark } of COMPANY.comments) {
    const comment = say(data, on, byLogin(data, by), created, remark);
    if (starred) {
      comment.stars.push(toStar(byKey(data, on), ken, "#comment-1"));
    }
  }
  const thread = byKey(data, "WEB-12");
  const authors = [ken, hana, byLogin(data, "hanako")];
  for (let n = 1; n <= 48; n += 1) {
    const remark = COMPANY.thread[n] ?? {
      text: `${at(COMPANY.remarks, n)} (run ${n})`,
    };
    const created = plus("2026-10-05T01:05:00Z", n * 84_540);
    const comment = say(data, "WEB-12", at(authors, n), created, remark);
    if (n === 1) comment.notifications.push(toNotification(hana));
    thread.updated = created;
  }
}

function say(
  data: SpaceData,
  key: string,
  createdUser: User,
  created: string,
  { text, changes = [] }: Remark,
): Comment {
  const issue = byKey(data, key);
  const comments = data.comments.get(issue.id) ?? [];
  const comment = toComment(issue, {
    id: lastCommentId(data) + toGap(comments.length + 1),
    content: text ?? null,
    changeLog:
      changes?.map((change) => toLoggedChange(data, issue, change)) ?? null,
    createdUser,
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
  const owner = found(
    data.projects,
    ({ project }) => project.id === issue.projectId,
    issue.issueKey,
  );
  const value = (given?: string | number): string | null => {
    if (typeof given !== "number") return given ?? null;
    return byId<Named>(
      field === "status" ? owner.statuses : data.resolutions,
      given,
    ).name;
  };
  const now = field === "description" ? issue.description : value(to);
  return toChange(field, value(from), now, {
    ...(file && { attachmentInfo: { id: file, name: `${to}` } }),
    ...(custom && {
      attributeInfo: { id: 1073742485 + custom, typeId: `${custom}` },
    }),
    ...(told && { notificationInfo: { type: told } }),
  });
}
