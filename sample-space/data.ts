import {
  at,
  byId,
  byKey,
  byLogin,
  COLORS,
  ENGLISH,
  INJECTED_COMMENT,
  ISSUES,
  JAPANESE,
  LARGE,
  LAYOUTS,
  OLD_DESCRIPTION,
  parseIssue,
  REMARKS,
  SPACE,
} from "./issues.ts";
import {
  type Change,
  type Comment,
  type CustomField,
  type Layout,
  plus,
  type SpaceData,
  split,
  toAttachment,
  toChange,
  toComment,
  toDate,
  toDefinition,
  toEmptyField,
  toItems,
  toNotification,
  toOlderDate,
  toProject,
  toSharedFile,
  toStar,
  toUser,
  type User,
} from "./shapes.ts";

export type { Issue, ProjectData, SpaceData } from "./shapes.ts";

export type SampleDataOptions = { japanese?: boolean; olderDates?: boolean };

/** The believable space: three live projects, one archived. */
export function sampleData(options: SampleDataOptions = {}): SpaceData {
  const data = emptySpace(options);
  const day = options.olderDates ? toOlderDate : toDate;
  for (const layout of LAYOUTS) addProject(data, layout, day);
  for (const block of ISSUES.trim().split(/\n(?=[A-Z]\w*-\d+ type=)/)) {
    data.issues.push(parseIssue(data, block, day));
  }
  addParts(data, day);
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
    const customs = options.customStatuses ? "検収待ち:2001" : "";
    const id = 1073900000 + n;
    const key = `P${n}`;
    const layout = { ...LARGE, id, key, name: `Project ${n}`, customs };
    addProject(data, layout, toDate);
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
    const keyId = Math.floor(index / options.projects) + 1;
    const due = "2026-10-01T00:00:00Z";
    const issue = parseIssue(
      data,
      `${owner.project.projectKey}-${keyId} type=Task by=ken
        status=${rank < custom ? "検収待ち" : standard} priority=${2 + (index % 3)}
        created=2026-09-01T00:00 updated=2026-09-01T00:00
# ${toTitle(index, options.titles ?? "short")}
Entry ${index + 1} of ${options.issues}.`,
      toDate,
    );
    issue.id = 1080000000 + index;
    issue.created = plus("2026-09-01T00:00:00Z", -index * 420);
    issue.updated = plus("2026-11-21T14:00:00Z", -index * 420);
    issue.dueDate =
      index % 4 === 0
        ? null
        : toDate(plus(due, ((index * 11) % 90) * 86_400).slice(0, 10));
    issue.assignee = isMine
      ? byId(data.users, data.me)
      : at(others, index % others.length);
    data.issues.push(issue);
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
  const text = options.text ?? ((n) => `${at(REMARKS, n)} (${n})`);
  const every = options.changeOnlyEvery;
  let id = lastCommentId(data);
  const comments = Array.from({ length: count }, (_, index) => {
    const n = index + 1;
    const silent = every !== undefined && n % every === 0;
    id += toGap(n);
    return toComment(
      issue,
      id,
      at(data.users, n % 3),
      plus(issue.created, n * 60),
      silent ? null : text(n),
      silent ? [toChange("actualHours", `${n - 1}`, `${n}`)] : [],
    );
  });
  data.comments.set(issue.id, comments);
}

function lastCommentId(data: SpaceData): number {
  let last = 1102837700;
  for (const comments of data.comments.values()) {
    last = Math.max(last, comments.at(-1)?.id ?? 0);
  }
  return last;
}

/** Comment IDs are shared by the space: some adjacent, most with gaps. */
function toGap(n: number): number {
  return 1 + ((n * n) % 7);
}

function toTitle(index: number, length: "short" | "long"): string {
  const short = `${at(REMARKS, index)} #${index + 1}`;
  const title = length === "short" ? short : `${short} ${REMARKS.join(" ")}`;
  return title.replace(/\s+/g, " ").slice(0, 240);
}

function emptySpace({ japanese }: SampleDataOptions): SpaceData {
  const names = japanese ? JAPANESE : ENGLISH;
  return {
    space: { ...SPACE },
    users: [
      toUser(1073936937, "hana", "Hana Mori", "hanamori"),
      toUser(1073936940, "ken", "伊藤 健", "kenito", 1),
      toUser(1073936941, "hanako", "佐藤 花子", "satohanako"),
      toUser(1073936942, "ichiro.sato", "Satō Ichirō", "satoichiro"),
      toUser(1073936943, "suzuki1", "鈴木 一郎", "ichirosuzuki"),
      toUser(1073936944, "suzuki.i", "鈴木 一郎", "suzuki-dev"),
      toUser(1073751781, null, "legacy user", null, 4),
    ],
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
  };
}

function addProject(
  data: SpaceData,
  layout: Layout,
  day: (day: string) => string,
): void {
  const projectId = layout.id;
  const base = (projectId - 1073800000) * 10;
  const standard = data.resolutions[0]?.name === "Fixed" ? ENGLISH : JAPANESE;
  const statuses = standard.statuses.map((name, index) => ({
    id: index + 1,
    projectId,
    name,
    color: at(COLORS, index),
    displayOrder: (index + 1) * 1000,
  }));
  for (const [index, custom] of split(layout.customs).entries()) {
    const [name = "", order] = custom.split(":");
    const id = 245000 + (projectId % 100000) * 2 + index;
    const displayOrder = Number(order);
    statuses.push({ id, projectId, name, color: "#e87758", displayOrder });
  }
  data.projects.push({
    project: toProject(layout),
    statuses: statuses.sort((a, b) => a.displayOrder - b.displayOrder),
    issueTypes: split(layout.types).map((name, displayOrder) => ({
      id: 1074000000 + base + displayOrder,
      projectId,
      name,
      color: at(COLORS, displayOrder),
      displayOrder,
      templateSummary: null,
      templateDescription: null,
    })),
    categories: split(layout.categories).map((name, displayOrder) => ({
      id: 1075000000 + base + displayOrder,
      projectId,
      name,
      displayOrder,
    })),
    versions: split(layout.versions).map((version, displayOrder) => {
      const [name = "", start, due] = version.split("/");
      return {
        id: 1073000000 + base + displayOrder,
        projectId,
        name,
        description: null,
        startDate: start ? day(start) : null,
        releaseDueDate: due ? day(due) : null,
        archived: false,
        displayOrder,
      };
    }),
    members: data.users.map((user) => user.id),
  });
}

/** Custom fields, files, stars and related issues. */
function addParts(data: SpaceData, day: (day: string) => string): void {
  const [hana, ken] = [byLogin(data, "hana"), byLogin(data, "ken")];
  const fields = listCustomFields(day("2026-12-01"));
  const web = at(data.projects, 0);
  web.customFields = fields.map(({ field, items }) =>
    toDefinition(web.project.id, field, toItems(items)),
  );
  for (const issue of data.issues) {
    // Only bugs of WEB have custom fields; all but WEB-5 leave them empty.
    if (issue.issueType.name !== "Bug" || issue.projectId !== web.project.id)
      continue;
    const filled = issue.issueKey === "WEB-5";
    issue.customFields = fields.map(({ field }) =>
      filled ? { ...field } : toEmptyField(field),
    );
  }
  const full = byKey(data, "WEB-5");
  full.attachments.push(
    toAttachment(1076475104, "login-error.png", 181715, ken, full.created),
    toAttachment(1076475990, "手順|書.txt", 842, hana, full.updated),
  );
  full.sharedFiles.push(
    toSharedFile(1078746378, full.projectId, "login-flow.pdf", hana),
  );
  full.stars.push(toStar(full, ken, ""));
  const slow = byKey(data, "WEB-12");
  slow.attachments.push(
    toAttachment(1076475995, "trace.txt", 20480, hana, slow.updated),
  );
  relate(data, "WEB-3", ["OPS-1", "WEB-5", "WEB-10"]);
  relate(data, "WEB-12", ["MOBILE-2"]);
}

/** One custom field of each type, as WEB-5 has them. */
function listCustomFields(promised: string) {
  const add = (
    fieldTypeId: number,
    name: string,
    value: string | number | number[],
    items = "",
    other: { otherValue?: string | null } = {},
  ) => {
    const id = 1073742485 + fieldTypeId;
    const field: CustomField = { id, fieldTypeId, name, value: null, ...other };
    const chosen = toItems(items).filter(
      (item) => Array.isArray(value) && value.includes(item.id),
    );
    if (!Array.isArray(value)) field.value = value;
    else if (fieldTypeId === 6 || fieldTypeId === 7) field.value = chosen;
    else field.value = at(chosen, 0);
    return { field, items };
  };
  const note = { otherValue: "manual pass on staging" };
  return [
    add(1, "Customer", "ACME Co."),
    add(2, "Workaround", "Use an address\nwithout a plus sign."),
    add(3, "Affected users", 99.9),
    add(4, "Promised on", promised),
    add(5, "Severity", [1], "S1, S2"),
    add(6, "Browsers", [1, 2], "Chrome, Safari"),
    add(7, "Checks", [2], "Load test, Unit test", note),
    add(8, "Environment", [2], "Staging, Production", { otherValue: null }),
  ];
}

function relate(data: SpaceData, key: string, others: string[]): void {
  const { id } = byKey(data, key);
  for (const other of others.map((otherKey) => byKey(data, otherKey))) {
    data.related.set(id, [...(data.related.get(id) ?? []), other.id]);
    data.related.set(other.id, [...(data.related.get(other.id) ?? []), id]);
  }
}

function addComments(data: SpaceData): void {
  const [hana, ken] = [byLogin(data, "hana"), byLogin(data, "ken")];
  const [open = "", inProgress = "", resolved = "", closed = ""] = [1, 2, 3, 4]
    .map((id) => at(data.projects, 1).statuses.find((s) => s.id === id))
    .map((status) => status?.name);
  const say = (
    key: string,
    author: User,
    created: string,
    content: string | null,
    changeLog: Change[] | null = [],
  ): Comment => {
    const issue = byKey(data, key);
    const comments = data.comments.get(issue.id) ?? [];
    const id = lastCommentId(data) + toGap(comments.length + 1);
    const comment = toComment(issue, id, author, created, content, changeLog);
    data.comments.set(issue.id, [...comments, comment]);
    return comment;
  };
  const status = (from: string, to: string) => toChange("status", from, to);
  say("WEB-1", hana, "2026-11-02T01:00:00Z", null, [status(open, inProgress)]);
  say("WEB-2", ken, "2026-11-13T07:30:00Z", "Merged.", [
    status(inProgress, closed),
    toChange("resolution", null, at(data.resolutions, 0).name),
  ]);
  say("WEB-5", ken, "2026-11-11T03:44:46Z", "Reproduced on staging. :eyes:");
  say("WEB-5", hana, "2026-11-18T09:12:00Z", "修正しました。\n添付を参照。", [
    toChange("attachment", null, "手順|書.txt", {
      attachmentInfo: { id: 1076475990, name: "手順|書.txt" },
    }),
    toChange("Severity", "S2", "S1", {
      attributeInfo: { id: 1073742490, typeId: "5" },
    }),
  ]).stars.push(toStar(byKey(data, "WEB-5"), ken, "#comment-1"));
  say("WEB-8", ken, "2026-11-19T02:00:00Z", INJECTED_COMMENT);
  say("OPS-1", ken, "2026-11-20T06:00:00Z", "期限を過ぎています。", null);
  const full = byKey(data, "WEB-12").description;
  const trace = { id: 1076475995, name: "trace.txt" };
  const count = { id: 1073742488, typeId: "3" };
  const special = new Map<number, Change[]>([
    [2, [status(open, inProgress), toChange("assigner", null, hana.name)]],
    [5, [toChange("limitDate", null, "2026/11/30")]],
    [8, [toChange("description", OLD_DESCRIPTION, full)]],
    [13, [toChange("attachment", null, trace.name, { attachmentInfo: trace })]],
    [21, [toChange("Affected users", "80", "99.9", { attributeInfo: count })]],
    [27, [toChange("notification", null, null, UPDATED)]],
    [34, [toChange("component", "Auth", "Checkout"), MOVED]],
    [40, [status(inProgress, resolved)]],
    [41, [status(resolved, inProgress)]],
  ]);
  const words = new Map([
    [1, "Measured on a train: 7.4 s until the button reacts."],
    [13, "Trace attached."],
    // An entry without text has null, or sometimes an empty string.
    [34, ""],
    [41, "まだ 5 秒かかります。差し戻します。"],
  ]);
  const thread = byKey(data, "WEB-12");
  for (let n = 1; n <= 48; n += 1) {
    const changes = special.get(n);
    const remark = changes ? null : `${at(REMARKS, n)} (run ${n})`;
    const content = words.get(n) ?? remark;
    const changeLog = n === 1 ? null : (changes ?? []);
    const created = plus("2026-10-05T01:05:00Z", n * 84_540);
    const author = at([ken, hana, at(data.users, 2)], n);
    const comment = say("WEB-12", author, created, content, changeLog);
    if (n === 1) comment.notifications.push(toNotification(14751874, hana));
    thread.updated = created;
  }
}

const UPDATED = { notificationInfo: { type: "issue.update" } };

const MOVED = toChange("milestone", "v1.2", "v1.3");
