import company from "./company.yaml";

/** What Backlog names by ID. */
export type Named = { id: number; name: string };
/** An entry of a list that has an order. */
type Item = Named & { displayOrder: number };
/** One of a project's. */
export type Choice = Item & { projectId: number };
export type Status = Choice & { color: string };
type IssueType = Status & { templateSummary: null; templateDescription: null };
type Version = Choice & {
  description: null;
  startDate: string | null;
  releaseDueDate: string | null;
  archived: boolean;
};
export type User = ReturnType<typeof toUser>;
type File = Named & { size: number; createdUser: User; created: string };
type Star = { id: number; url: string; title: string; presenter: User };
export type CustomField = {
  id: number;
  fieldTypeId: number;
  name: string;
  value: string | number | Item | Item[] | null;
  otherValue?: string | null;
};
export type Issue = {
  id: number;
  projectId: number;
  issueKey: string;
  keyId: number;
  issueType: IssueType;
  summary: string;
  description: string;
  resolution: Named | null;
  priority: Named | null;
  status: Status;
  assignee: User | null;
  category: Choice[];
  versions: Version[];
  milestone: Version[];
  startDate: string | null;
  dueDate: string | null;
  estimatedHours: number | null;
  actualHours: number | null;
  parentIssueId: number | null;
  createdUser: User;
  created: string;
  updatedUser: User | null;
  updated: string;
  customFields: CustomField[];
  attachments: File[];
  sharedFiles: (Named & { dir: string; size: number })[];
  externalFileLinks: never[];
  stars: Star[];
};
export type Change = ReturnType<typeof toChange>;
export type Comment = ReturnType<typeof toComment>;
export type ProjectData = {
  project: ReturnType<typeof toProject>;
  statuses: Status[];
  issueTypes: IssueType[];
  categories: Choice[];
  versions: Version[];
  /** Numeric IDs of users. */
  members: number[];
  customFields?: (Named & { typeId: number; items?: Item[] })[];
};
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
export type Facts = Record<"key" | "type" | "created" | "updated", string> &
  Partial<Record<"assignee" | "by" | "parent" | "start" | "due", string>> &
  Partial<Record<"category" | "version" | "milestone", string>> & {
    status?: number | string;
    priority?: number;
    resolution?: number;
    hours?: [estimated: number, actual: number];
  };
/** An entry of a change log in short; a number is an ID. */
export type ChangeFacts = {
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
export type Field = {
  type: number;
  name: string;
  value: string | number | number[];
  items?: string[];
  other?: string;
};
type Company = {
  space: SpaceData["space"];
  users: Parameters<typeof toUser>[0][];
  english: Names;
  japanese: Names;
  projects: Layout[];
  fields: Field[];
  files: (Named & Record<"on" | "by" | "at", string> & { text?: string })[];
  shared: Issue["sharedFiles"][number];
  star: object;
  alike: Record<"project" | "field", object>;
  related: Record<string, string[]>;
  comments: (Remark & { on: string; star?: true })[];
  thread: Record<number, Words>;
  remarks: string[];
  issues: { title: string; text?: string; is: Facts }[];
};

/** What company.yaml has. */
export const COMPANY: Company = company;

/** A user; without a login, the legacy one. */
export function toUser({
  id,
  login,
  name,
  unique,
  role = 2,
}: Named & { login?: string; unique?: string; role?: number }) {
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

/** A project as the list of projects has it. */
export function toProject({ id, key, name, markup, archived }: Layout) {
  return {
    ...{ id, projectKey: key, name, ...COMPANY.alike.project },
    textFormattingRule: markup ?? "markdown",
    archived: archived ?? false,
  };
}

/** One entry of a change log. */
export function toChange(
  field: string,
  originalValue: string | null,
  newValue: string | null,
  info: {
    attachmentInfo?: Named;
    attributeInfo?: { id: number; typeId: string };
    notificationInfo?: { type: string };
  } = {},
) {
  return {
    ...{ field, newValue, originalValue },
    attachmentInfo: info.attachmentInfo ?? null,
    attributeInfo: info.attributeInfo ?? null,
    notificationInfo: info.notificationInfo ?? null,
  };
}

/** A comment, or without content a mere change. */
export function toComment(
  { id: issueId, projectId }: Issue,
  comment: {
    id: number;
    content: string | null;
    changeLog: Change[] | null;
    createdUser: User;
    created: string;
  },
) {
  const stars: Star[] = [];
  const notifications: { id: number; reason: number; user: User }[] = [];
  const { created: updated } = comment;
  return { ...comment, projectId, issueId, updated, stars, notifications };
}

/** A status' ID by its name; any other text as it is. */
export function toStatusId({ statuses }: ProjectData, text: string | null) {
  const status = statuses.find(({ name }) => name === text);
  return status ? `${status.id}` : text;
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
export function found<T>(
  list: readonly T[],
  isMeant: (entry: T, index: number) => boolean,
  name: string | number,
): T {
  const entry = list.find(isMeant);
  if (entry === undefined) throw new Error(`No ${name} in the sample data.`);
  return entry;
}
