import company from "./company.yaml";

/** What Backlog names by ID. */
export type Named = { id: number; name: string };
type Item = Named & { displayOrder: number };
export type User = ReturnType<typeof toUser>;
type File = Named & { size: number; createdUser: User; created: string };
type SharedFile = Named & { dir: string; size: number; createdUser?: User };
type Star = { id: number; url: string; title: string; presenter: User };
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
  related: Map<number, number[]>;
  /** The comments that one update of several issues made, by ID. */
  bulkUpdates: number[][];
  /** What is answered for an attachment, by its ID. */
  files: Map<number, () => Response>;
};

type Names = Record<"statuses" | "priorities" | "resolutions", string[]>;
/** A user in short. */
type Person = Named & { login?: string; unique?: string; role?: number };
/** A project in short. */
export type Layout = Named & {
  key: string;
  markup?: string;
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
  star: Omit<Star, "presenter">;
  notification: { id: number; reason: number };
  alike: Record<"project" | "field", object>;
  related: Record<string, string[]>;
  comments: (Remark & { on: string; star?: true })[];
  thread: Record<number, Words>;
  remarks: string[];
  issues: Record<string, Facts>;
  texts: Record<string, string>;
};

/** What company.yaml has. */
export const COMPANY: Company = company;
const COLORS = ["#ed8077", "#4488c5", "#5eb5a6", "#b0be3c"];

/** A user; without a login, the legacy one. */
export function toUser({ id, login, name, unique, role = 2 }: Person) {
  const nulabId = `Q3vWmJ2dKxT8bYfNs5Zr7LcHaGp9UeXt4BnRqVoDyMiS${id}`;
  return {
    id,
    userId: login ?? null,
    name,
    roleType: role,
    lang: login ? "ja" : null,
    mailAddress: `${login ?? "legacy"}@corp.example`,
    nulabAccount: unique ? { nulabId, name, uniqueId: unique } : null,
    keyword: `${name} ${name.toUpperCase()}`,
    lastLoginTime: login ? "2026-11-20T23:41:07Z" : null,
  };
}

/** A project and its parts; everybody is a member. */
export function toProject(layout: Layout, statusNames: string[]) {
  const { id: projectId, key, name, customs = {}, versions = {} } = layout;
  const { types = ["Bug", "Task", "Request"], categories = [] } = layout;
  const base = (projectId - 1073800000) * 10;
  const list = (firstId: number, names: string[]) =>
    names.map((name, displayOrder) => {
      const id = firstId + base + displayOrder;
      return { id, projectId, name, displayOrder };
    });
  const standard = statusNames.map((name, index) => {
    const displayOrder = (index + 1) * 1000;
    const color = at(COLORS, index);
    return { id: index + 1, projectId, name, color, displayOrder };
  });
  const custom = Object.entries(customs).map(([name, displayOrder], index) => {
    const id = 245000 + (projectId % 100000) * 2 + index;
    return { id, projectId, name, color: "#e87758", displayOrder };
  });
  return {
    project: {
      ...{ id: projectId, projectKey: key, name, ...COMPANY.alike.project },
      textFormattingRule: layout.markup ?? "markdown",
      archived: layout.archived ?? false,
    },
    statuses: [...standard, ...custom].sort(
      (a, b) => a.displayOrder - b.displayOrder,
    ),
    issueTypes: list(1074000000, types).map((type, index) => ({
      ...{ ...type, color: at(COLORS, index) },
      ...{ templateSummary: null, templateDescription: null },
    })),
    categories: list(1075000000, categories),
    versions: list(1073000000, Object.keys(versions)).map((version) => {
      const [startDate, releaseDueDate] = versions[version.name] ?? [];
      return {
        ...{ ...version, description: null, archived: false },
        startDate: toDay(startDate),
        releaseDueDate: toDay(releaseDueDate),
      };
    }),
    members: COMPANY.users.map(({ id }) => id),
    customFields: none<Named & { typeId: number; items?: Item[] }>(),
  };
}

/** An issue; of a status a number is the ID. */
export function toIssue(data: SpaceData, issueKey: string, facts: Facts) {
  const { status = 1, priority = 3, by = "ken", resolution, assignee } = facts;
  const { hours = [null, null], parent } = facts;
  const owner = projectOf(data, issueKey.replace(/-.*/, ""));
  const projectId = owner.project.id;
  const toKeyId = (key: string) => Number(key.split("-")[1]);
  const toId = (key: string) => projectId + 5_000_000 + toKeyId(key) * 5;
  const every = <T extends Named>(list: T[], name?: string) =>
    name === undefined ? [] : [byName(list, name)];
  const author = byLogin(data, by);
  const hasResolution = resolution !== undefined;
  return {
    id: toId(issueKey),
    projectId,
    issueKey,
    keyId: toKeyId(issueKey),
    issueType: byName(owner.issueTypes, facts.type),
    summary: facts.title,
    description: facts.text ?? COMPANY.texts[issueKey] ?? "",
    resolution: hasResolution ? byId(data.resolutions, resolution) : null,
    priority: priority === null ? null : byId(data.priorities, priority),
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
    parentIssueId: parent ? toId(parent) : null,
    createdUser: author,
    created: facts.created,
    updatedUser: author.userId === null ? null : author,
    updated: facts.updated,
    customFields: none<CustomField>(),
    attachments: none<File>(),
    sharedFiles: none<SharedFile>(),
    externalFileLinks: none<never>(),
    stars: none<Star>(),
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
    id,
    content: text ?? null,
    changeLog: changes?.map(toLogged) ?? null,
    createdUser: byLogin(data, by),
    ...{ created, projectId: issue.projectId, issueId: issue.id },
    updated: created,
    stars: none<Star>(),
    notifications: none<Company["notification"] & { user: User }>(),
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
  issue: Issue,
  { field, from, to, file, custom, told }: ChangeFacts,
) {
  const { statuses } = projectOf(data, issue.projectId);
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

/** The project with this ID or key. */
export function projectOf(data: SpaceData, id: number | string): ProjectData {
  return found(
    data.projects,
    ({ project }) => project.id === id || project.projectKey === id,
    id,
  );
}

/** The issue with this key. */
export function byKey(data: SpaceData, key: string): Issue {
  return found(data.issues, ({ issueKey }) => issueKey === key, key);
}

/** The user with this login. */
export function byLogin(data: SpaceData, login: string): User {
  // The legacy user has no login; his mail address still begins with one.
  const mail = `${login}@corp.example`;
  return found(data.users, ({ mailAddress }) => mailAddress === mail, login);
}

/** The entry with this ID. */
export function byId<T extends { id: number }>(list: T[], id: number): T {
  return found(list, (entry) => entry.id === id, id);
}

/** The entry of this name. */
export function byName<T extends Named>(list: T[], name: string): T {
  return found(list, (entry) => entry.name === name, name);
}

/** Wraps around, so that a list can be dealt out without end. */
export function at<T>(list: readonly T[], index: number): T {
  return found(list, (_, place) => place === index % list.length, index);
}

/** The first that is meant; throws where there is none. */
function found<T>(
  list: readonly T[],
  isMeant: (entry: T, index: number) => boolean,
  name: string | number,
): T {
  const entry = list.find(isMeant);
  if (entry === undefined) throw new Error(`No ${name} in the sample data.`);
  return entry;
}
