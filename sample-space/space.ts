import company from "./company.yaml";

/** What Backlog names by ID. */
type Named = { id: number; name: string };
type Item = Named & { displayOrder: number };
type User = ReturnType<typeof toUser>;
type File = Named & { size: number; createdUser: User; created: string };
type CustomField = Named & {
  fieldTypeId: number;
  value: string | number | Item | Item[] | null;
  otherValue?: string | null;
};
export type Issue = ReturnType<typeof toIssue>;
export type Comment = ReturnType<typeof toComment>;
export type ProjectData = ReturnType<typeof toProject>;
export type SpaceData = {
  space: Record<string, string | number>;
  users: User[];
  /** The numeric ID of the user the key belongs to. */
  me: number;
  priorities: Named[];
  resolutions: Named[];
  projects: ProjectData[];
  issues: Issue[];
  comments: Map<number, Comment[]>;
  /** Comment IDs are shared by the space. */
  lastCommentId: number;
  related: Map<number, number[]>;
  /** The comments that one update of several issues made. */
  bulkUpdates: Comment[][];
  /** What an attachment holds, by its ID. */
  files: Map<number, Blob>;
};

type Names = Record<"statuses" | "priorities" | "resolutions", string[]>;
/** A user in short. */
type Person = Named & { userId: string | null; uniqueId?: string };
/** A project in short. */
type Layout = Named &
  Partial<Record<"types" | "categories", string[]>> & {
    projectKey: string;
    textFormattingRule?: string;
    archived?: boolean;
    /** Custom statuses with their places in the order. */
    customs?: Record<string, number>;
    /** Start and end; "" stands for none. */
    versions?: Record<string, string[]>;
  };
/** An issue in short; of a status a number is the ID. */
type Facts = Record<"type" | "title" | "created" | "updated", string> &
  Partial<Record<"text" | "assignee" | "by" | "parent", string>> &
  Partial<Record<"start" | "due", string>> &
  Partial<Record<"category" | "version" | "milestone", string>> & {
    id?: number;
    status?: number | string;
    priority?: number | null;
    resolution?: number;
    hours?: [estimated: number, actual: number];
  };
type Words = {
  text?: string;
  changes?: Parameters<typeof toChange>[] | null;
};
/** A comment in short: by which login, and when. */
type Remark = Words & Record<"by" | "at", string>;
/** An attachment in short. */
type Attached = Partial<File> & { name: string; by?: string };
export type Company = {
  space: SpaceData["space"];
  users: Person[];
  english: Names;
  japanese: Names;
  projects: Layout[];
  fields: (CustomField & { items?: Item[] })[];
  files: (Attached & { on: string })[];
  shared: object;
  /** What all of a kind have alike. */
  alike: Record<string, object>;
  related: Record<string, string[]>;
  comments: (Remark & { on: string })[];
  thread: Record<number, Words>;
  remarks: string[];
  issues: Record<string, Facts>;
  texts: Record<string, string>;
};

/** What company.yaml has. */
export const COMPANY: Company = company;

/** A space without issues, in the language of these names. */
export function toSpace(layouts: readonly Layout[], names: Names): SpaceData {
  return {
    space: { ...COMPANY.space },
    users: COMPANY.users.map(toUser),
    me: 1073936937,
    priorities: names.priorities.map((name, n) => ({ id: n + 2, name })),
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

function toUser({ uniqueId, ...person }: Person) {
  const { id, userId, name } = person;
  const nulabId = `Q3vWmJ2dKxT8bYfNs5Zr7LcHaGp9UeXt4BnRqVoDyMiS${id}`;
  return {
    ...COMPANY.alike.user,
    ...person,
    mailAddress: `${userId ?? "legacy"}@corp.example`,
    nulabAccount: uniqueId ? { nulabId, name, uniqueId } : null,
    keyword: `${name} ${name.toUpperCase()}`,
  };
}

/** A project and its parts. */
function toProject(layout: Layout, statusNames: string[]) {
  const { types = ["Bug", "Task", "Request"], ...parts } = layout;
  const { customs = {}, categories = [], versions = {}, ...own } = parts;
  const { id: projectId } = own;
  const toStatus = (id: number, name: string, displayOrder: number) => {
    return { ...COMPANY.alike.status, id, projectId, name, displayOrder };
  };
  const list = (firstId: number, names: string[], alike?: object) => {
    const base = firstId + (projectId - 1073800000) * 10;
    return names.map((name, displayOrder) => {
      const id = base + displayOrder;
      return { ...alike, id, projectId, name, displayOrder };
    });
  };
  const { type, version } = COMPANY.alike;
  const customFields: (Named & { typeId: number; items?: Item[] })[] = [];
  const firstCustom = 245000 + (projectId % 100000) * 2;
  return {
    project: { ...COMPANY.alike.project, archived: false, ...own },
    statuses: [
      ...statusNames.map((name, n) => toStatus(n + 1, name, (n + 1) * 1000)),
      ...Object.entries(customs).map(([name, place], index) =>
        toStatus(firstCustom + index, name, place),
      ),
    ].sort((a, b) => a.displayOrder - b.displayOrder),
    issueTypes: list(1074000000, types, type),
    categories: list(1075000000, categories),
    versions: list(1073000000, Object.keys(versions), version).map((one) => {
      const [start, end] = versions[one.name] ?? [];
      return { ...one, startDate: toDay(start), releaseDueDate: toDay(end) };
    }),
    customFields,
  };
}

/** An issue of this key. */
export function toIssue(data: SpaceData, issueKey: string, facts: Facts) {
  const { status = 1, priority = 3, by = "ken", resolution, assignee } = facts;
  const { hours: [estimatedHours, actualHours] = [null, null], parent } = facts;
  const [projectKey = "", keyId] = issueKey.split("-");
  const owner = find(data.projects, { project: { projectKey } });
  const projectId = owner.project.id;
  const toId = (key: string) =>
    projectId + 5_000_000 + Number(key.replace(/.*-/, "")) * 5;
  const every = <T extends Named>(list: T[], name?: string) =>
    list.filter((one) => one.name === name);
  const createdUser = byLogin(data, by);
  const customFields: CustomField[] = [];
  const attachments: File[] = [];
  const sharedFiles: object[] = [];
  return {
    ...COMPANY.alike.issue,
    id: facts.id ?? toId(issueKey),
    ...{ projectId, issueKey, keyId: Number(keyId) },
    issueType: find(owner.issueTypes, { name: facts.type }),
    summary: facts.title,
    description: facts.text ?? "",
    resolution: data.resolutions.find(({ id }) => id === resolution) ?? null,
    priority: data.priorities.find(({ id }) => id === priority) ?? null,
    status: find(
      owner.statuses,
      typeof status === "number" ? { id: status } : { name: status },
    ),
    assignee: assignee ? byLogin(data, assignee) : null,
    category: every(owner.categories, facts.category),
    versions: every(owner.versions, facts.version),
    milestone: every(owner.versions, facts.milestone),
    startDate: toDay(facts.start),
    dueDate: toDay(facts.due),
    ...{ estimatedHours, actualHours },
    parentIssueId: parent ? toId(parent) : null,
    createdUser,
    created: facts.created,
    updatedUser: createdUser.userId === null ? null : createdUser,
    updated: facts.updated,
    ...{ customFields, attachments, sharedFiles },
  };
}

/** A day as Backlog has it: its midnight in UTC. */
function toDay(day?: string): string | null {
  return day ? `${day}T00:00:00Z` : null;
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
  const comment = toComment(data, issue, remark);
  data.comments.set(issue.id, [...comments, comment]);
  if (issue.updated <= remark.at) {
    issue.updated = remark.at;
    issue.updatedUser = comment.createdUser;
  }
  return comment;
}

function toComment(
  data: SpaceData,
  { id: issueId, projectId }: Issue,
  { by, at: created, text, changes = [] }: Remark,
) {
  return {
    ...COMPANY.alike.comment,
    ...{ id: data.lastCommentId, projectId, issueId },
    content: text ?? null,
    changeLog: changes?.map((change) => toChange(...change)) ?? null,
    createdUser: byLogin(data, by),
    ...{ created, updated: created },
  };
}

/** One entry of a change log; `info` says what it is about. */
export function toChange(
  field: string,
  originalValue: string | null,
  newValue: string | null,
  info: object = {},
) {
  return { ...COMPANY.alike.change, field, originalValue, newValue, ...info };
}

/** Attaches a file; by whom and when its issue was made, if not told. */
export function attach(
  data: SpaceData,
  issueKey: string,
  content: Blob,
  { by, ...told }: Attached,
): void {
  const { attachments, created, ...issue } = byKey(data, issueKey);
  const id = 9_001 + attachments.length;
  const createdUser = by ? byLogin(data, by) : issue.createdUser;
  const file = { id, size: content.size, createdUser, created, ...told };
  attachments.push(file);
  data.files.set(file.id, content);
}

/** The issue with this key. */
export function byKey({ issues }: SpaceData, issueKey: string): Issue {
  return find(issues, { issueKey });
}

/** The user with this login; the legacy one has only a mail address. */
export function byLogin({ users }: SpaceData, login: string): User {
  return find(users, { mailAddress: `${login}@corp.example` });
}

type Part<T> = { [Key in keyof T]?: Partial<T[Key]> };

/** The first that has these; throws where there is none. */
export function find<T>(list: readonly T[], wanted: Part<T>): T {
  const entry = list.find((one) => Bun.deepMatch(wanted, one));
  if (entry !== undefined) return entry;
  throw new Error(`No ${JSON.stringify(wanted)} in the sample data.`);
}
