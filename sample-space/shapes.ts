/** What Backlog names by ID. */
export type Named = { id: number; name: string };
/** An entry of a list that has an order. */
type Item = Named & { displayOrder: number };
export type Category = Item & { projectId: number };
export type Status = Category & { color: string };
type IssueType = ReturnType<typeof toIssueType>;
export type Version = ReturnType<typeof toVersion>;
export type User = ReturnType<typeof toUser>;
type File = Named & { size: number; createdUser: User; created: string };
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
  category: Category[];
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
  sharedFiles: ReturnType<typeof toSharedFile>[];
  externalFileLinks: never[];
  stars: ReturnType<typeof toStar>[];
};
export type Change = ReturnType<typeof toChange>;
export type Comment = ReturnType<typeof toComment>;
export type ProjectData = {
  project: ReturnType<typeof toProject>;
  statuses: Status[];
  issueTypes: IssueType[];
  categories: Category[];
  versions: Version[];
  /** Numeric IDs of users. */
  members: number[];
  customFields?: ReturnType<typeof toDefinition>[];
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

/** A project as the list of projects has it. */
export function toProject({ id, key, name, markup, archived }: Layout) {
  return {
    id,
    projectKey: key,
    name,
    chartEnabled: true,
    useResolvedForChart: false,
    subtaskingEnabled: true,
    grandchildIssueEnabled: false,
    projectLeaderCanEditProjectLeader: false,
    useWiki: true,
    useFileSharing: true,
    useWikiTreeView: true,
    useOriginalImageSizeAtWiki: false,
    useSubversion: false,
    useGit: true,
    textFormattingRule: markup ?? "markdown",
    archived: archived ?? false,
    displayOrder: 2147483646,
    useDevAttributes: true,
  };
}

/** An issue type of a project. */
export function toIssueType(type: Category, color: string) {
  const none: string | null = null;
  return { ...type, color, templateSummary: none, templateDescription: none };
}

/** A version, which is a milestone too. */
export function toVersion(
  { displayOrder, ...version }: Category,
  startDate: string | null,
  releaseDueDate: string | null,
) {
  const description: string | null = null;
  const archived = false;
  return {
    ...version,
    description,
    startDate,
    releaseDueDate,
    archived,
    displayOrder,
  };
}

/** A file of a project that an issue links to. */
export function toSharedFile(file: Named, projectId: number, by: User) {
  const created = "2026-11-01T04:54:37Z";
  const nobody: User | null = null;
  return {
    ...file,
    projectId,
    type: "file",
    dir: "/design/",
    size: 339200,
    createdUser: by,
    created,
    updatedUser: nobody,
    updated: created,
  };
}

/** A star on an issue, or at an anchor on one of its comments. */
export function toStar(issue: Issue, presenter: User, anchor: string) {
  const comment: string | null = null;
  return {
    id: 1074694701,
    comment,
    url: `https://example.backlog.com/view/${issue.issueKey}${anchor}`,
    title: `[${issue.issueKey}] ${issue.summary}`,
    presenter,
    created: "2026-11-18T10:00:00Z",
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
    field,
    newValue,
    originalValue,
    attachmentInfo: info.attachmentInfo ?? null,
    attributeInfo: info.attributeInfo ?? null,
    notificationInfo: info.notificationInfo ?? null,
  };
}

/** That a user was told of a comment, and has read it. */
export function toNotification(user: User) {
  const read = { alreadyRead: true, resourceAlreadyRead: true };
  return { id: 14751874, ...read, reason: 2, user };
}

/** A comment, or without content a mere change. */
export function toComment(
  issue: Issue,
  comment: {
    id: number;
    content: string | null;
    changeLog: Change[] | null;
    createdUser: User;
    created: string;
  },
) {
  const stars: ReturnType<typeof toStar>[] = [];
  const notifications: ReturnType<typeof toNotification>[] = [];
  return {
    ...comment,
    projectId: issue.projectId,
    issueId: issue.id,
    updated: comment.created,
    stars,
    notifications,
  };
}

/** A custom field as its project defines it. */
export function toDefinition(
  { id, fieldTypeId, name }: CustomField,
  projectId: number,
  items: Item[],
) {
  const applicableIssueTypes: number[] = [];
  return {
    id,
    projectId,
    typeId: fieldTypeId,
    name,
    description: "",
    required: false,
    useIssueType: false,
    applicableIssueTypes,
    displayOrder: 2147483646,
    // Only lists have items; the reference leaves the key out elsewhere.
    ...(fieldTypeId < 5 ? {} : { items, allowAddItem: false }),
  };
}

/** The field as an issue has it that leaves it empty. */
export function toEmptyField(field: CustomField): CustomField {
  const isMany = field.fieldTypeId === 6 || field.fieldTypeId === 7;
  const other = field.fieldTypeId < 7 ? {} : { otherValue: null };
  return { ...field, value: isMany ? [] : null, ...other };
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
