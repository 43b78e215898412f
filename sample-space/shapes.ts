import company from "./company.yaml";

/** What Backlog names by ID. */
export type Named = { id: number; name: string };
type Item = Named & { displayOrder: number };
/** A user in short. */
type Person = Named & { userId: string | null; uniqueId?: string };
type User = ReturnType<typeof toUser>;
export type File = Named & { size: number; createdUser: User; created: string };
type SharedFile = Named & { dir: string; size: number; createdUser?: User };
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

export type Names = Record<"statuses" | "priorities" | "resolutions", string[]>;
/** A project in short. */
export type Layout = Named & {
  projectKey: string;
  textFormattingRule?: string;
  archived?: boolean;
  types?: string[];
  /** Custom statuses with their places in the order. */
  customs?: Record<string, number>;
  categories?: string[];
  /** Start and end; "" stands for none. */
  versions?: Record<string, string[]>;
};
/** An issue in short. */
type Facts = Record<"type" | "title" | "created" | "updated", string> &
  Partial<Record<"text" | "assignee" | "by" | "parent", string>> &
  Partial<Record<"start" | "due", string>> &
  Partial<Record<"category" | "version" | "milestone", string>> & {
    status?: number | string;
    priority?: number | null;
    resolution?: number;
    hours?: [estimated: number, actual: number];
  };
/** An entry of a change log in short; a number is an ID. */
type ChangeFacts = {
  field: string;
  from?: string | number;
  to?: string | number;
  file?: number;
  /** The type of the custom field changed. */
  custom?: number;
  told?: string;
};
type Words = { text?: string; changes?: ChangeFacts[] | null };
/** A comment in short: by which login, and when. */
export type Remark = Words & Record<"by" | "at", string>;
type Field = Pick<CustomField, "name" | "value" | "otherValue"> & {
  type: number;
  items?: Item[];
};
type Company = {
  space: SpaceData["space"];
  users: Person[];
  english: Names;
  japanese: Names;
  projects: Layout[];
  fields: Field[];
  files: (Named & Record<"on" | "by" | "at", string> & { text?: string })[];
  shared: SharedFile;
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

export function toUser({ uniqueId, ...person }: Person) {
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

/** A project and its parts; everybody is a member. */
export function toProject(layout: Layout, statusNames: string[]) {
  const { types = ["Bug", "Task", "Request"], ...parts } = layout;
  const { customs = {}, categories = [], versions = {}, ...own } = parts;
  const { id: projectId } = own;
  const base = (projectId - 1073800000) * 10;
  const list = (firstId: number, names: string[]) =>
    names.map((name, displayOrder) => {
      const id = firstId + base + displayOrder;
      return { id, projectId, name, displayOrder };
    });
  const toStatus = (id: number, name: string, displayOrder = id * 1000) => {
    return { ...COMPANY.alike.status, id, projectId, name, displayOrder };
  };
  const custom = Object.entries(customs).map(([name, place], index) =>
    toStatus(245000 + (projectId % 100000) * 2 + index, name, place),
  );
  return {
    project: { ...COMPANY.alike.project, archived: false, ...own },
    statuses: statusNames
      .map((name, index) => toStatus(index + 1, name))
      .concat(custom)
      .sort((a, b) => a.displayOrder - b.displayOrder),
    issueTypes: list(1074000000, types).map((type) => {
      return { ...COMPANY.alike.type, ...type };
    }),
    categories: list(1075000000, categories),
    versions: list(1073000000, Object.keys(versions)).map((version) => {
      const [start, end] = versions[version.name] ?? [];
      const days = { startDate: toDay(start), releaseDueDate: toDay(end) };
      return { ...COMPANY.alike.version, ...version, ...days };
    }),
    members: COMPANY.users.map(({ id }) => id),
    customFields: none<Named & { typeId: number; items?: Item[] }>(),
  };
}

/** An issue; of a status a number is the ID. */
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
  return {
    ...COMPANY.alike.issue,
    ...{ id: toId(issueKey), projectId, issueKey, keyId: Number(keyId) },
    issueType: find(owner.issueTypes, { name: facts.type }),
    summary: facts.title,
    description: facts.text ?? COMPANY.texts[issueKey] ?? "",
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
    customFields: none<CustomField>(),
    attachments: none<File>(),
    sharedFiles: none<SharedFile>(),
  };
}

function none<T>(): T[] {
  return [];
}

/** A day as Backlog has it: its midnight in UTC. */
function toDay(day?: string): string | null {
  return day ? `${day}T00:00:00Z` : null;
}

type Info = {
  attachmentInfo?: Named;
  attributeInfo?: { id: number; typeId: string };
  notificationInfo?: { type: string };
};

/** One entry of a change log. */
export function toChange(
  field: string,
  originalValue: string | null,
  newValue: string | null,
  info: Info = {},
) {
  const none = { attachmentInfo: null, attributeInfo: null };
  const values = { newValue, originalValue };
  return { field, ...values, ...none, notificationInfo: null, ...info };
}

/** A comment, or without a text a mere change. */
export function toComment(
  data: SpaceData,
  issue: Issue,
  { id, by, at: created, text, changes = [] }: Remark & { id: number },
) {
  const toLogged = (change: ChangeFacts) => toLoggedChange(data, issue, change);
  return {
    ...COMPANY.alike.comment,
    id,
    content: text ?? null,
    changeLog: changes?.map(toLogged) ?? null,
    createdUser: byLogin(data, by),
    ...{ created, projectId: issue.projectId, issueId: issue.id },
    updated: created,
  };
}

/** A status' ID by its name; any other text as it is. */
export function toStatusId({ statuses }: ProjectData, text: string | null) {
  const status = statuses.find(({ name }) => name === text);
  return status ? `${status.id}` : text;
}

/** An entry of a change log, as the space's names have it. */
function toLoggedChange(
  data: SpaceData,
  { projectId, description }: Issue,
  { field, from, to, file, custom, told }: ChangeFacts,
) {
  const { statuses } = find(data.projects, { project: { id: projectId } });
  const names: Named[] = field === "status" ? statuses : data.resolutions;
  const value = (given: string | number | null = null) =>
    typeof given === "number" ? find(names, { id: given }).name : given;
  const now = field === "description" ? description : value(to);
  return toChange(field, value(from), now, {
    ...(file && { attachmentInfo: { id: file, name: `${to}` } }),
    ...(custom && {
      attributeInfo: { id: toFieldId(custom), typeId: `${custom}` },
    }),
    ...(told && { notificationInfo: { type: told } }),
  });
}

/** The ID of the custom field of a type; there is one of each. */
export function toFieldId(type: number): number {
  return 1073742485 + type;
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
