/** What Backlog names by ID. */
export type Named = { id: number; name: string };
/** An entry of a list that has an order. */
export type Item = Named & { displayOrder: number };
export type Category = Item & { projectId: number };
export type Status = Category & { color: string };
export type IssueType = Status & {
  templateSummary: string | null;
  templateDescription: string | null;
};
export type Version = Category & {
  description: string | null;
  startDate: string | null;
  releaseDueDate: string | null;
  archived: boolean;
};
export type User = ReturnType<typeof toUser>;
export type Project = ReturnType<typeof toProject>;
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
  attachments: ReturnType<typeof toAttachment>[];
  sharedFiles: ReturnType<typeof toSharedFile>[];
  externalFileLinks: never[];
  stars: ReturnType<typeof toStar>[];
};
export type Change = ReturnType<typeof toChange>;
export type Comment = ReturnType<typeof toComment>;
export type ProjectData = {
  project: Project;
  statuses: Status[];
  issueTypes: IssueType[];
  categories: Category[];
  versions: Version[];
  /** Numeric IDs of users. */
  members: number[];
  customFields?: ReturnType<typeof toDefinition>[];
};
export type SpaceData = {
  space: {
    spaceKey: string;
    name: string;
    ownerId: number;
    lang: string;
    timezone: string;
    reportSendTime: string;
    textFormattingRule: string;
    created: string;
    updated: string;
  };
  users: User[];
  /** The numeric ID of the user the key belongs to. */
  me: number;
  priorities: Named[];
  resolutions: Named[];
  projects: ProjectData[];
  issues: Issue[];
  comments: Map<number, Comment[]>;
  related: Map<number, number[]>;
};

/** A project in short: lists are words with ", " between them. */
export type Layout = {
  id: number;
  key: string;
  name: string;
  markup: string;
  archived: boolean;
  types: string;
  customs: string;
  categories: string;
  versions: string;
};

/** The calendar day as Backlog writes it today. */
export function toDate(day: string): string {
  return `${day}T00:00:00Z`;
}

/** The calendar day as older records have it: midnight of Asia/Tokyo. */
export function toOlderDate(day: string): string {
  return plus(toDate(day), -9 * 3600);
}

/** An instant some seconds later. */
export function plus(instant: string, seconds: number): string {
  const moved = new Date(Date.parse(instant) + seconds * 1000);
  return moved.toISOString().replace(".000Z", "Z");
}

/** A user; without a login, the legacy one. */
export function toUser(
  id: number,
  userId: string | null,
  name: string,
  uniqueId: string | null,
  roleType = 2,
) {
  const lang: string | null = userId === null ? null : "ja";
  const nulabId = `Q3vWmJ2dKxT8bYfNs5Zr7LcHaGp9UeXt4BnRqVoDyMiS${id}`;
  const lastLoginTime: string | null =
    userId === null ? null : "2026-11-20T23:41:07Z";
  return {
    id,
    userId,
    name,
    roleType,
    lang,
    mailAddress: `${userId ?? "legacy"}@corp.example`,
    nulabAccount: uniqueId === null ? null : { nulabId, name, uniqueId },
    keyword: `${name} ${name.toUpperCase()}`,
    lastLoginTime,
  };
}

/** A project as the list of projects has it. */
export function toProject(layout: Layout) {
  return {
    id: layout.id,
    projectKey: layout.key,
    name: layout.name,
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
    textFormattingRule: layout.markup,
    archived: layout.archived,
    displayOrder: 2147483646,
    useDevAttributes: true,
  };
}

/** A file of one issue. */
export function toAttachment(
  id: number,
  name: string,
  size: number,
  createdUser: User,
  created: string,
) {
  return { id, name, size, createdUser, created };
}

/** A file of a project that an issue links to. */
export function toSharedFile(
  id: number,
  projectId: number,
  name: string,
  createdUser: User,
) {
  const created = "2026-11-01T04:54:37Z";
  const updatedUser: User | null = null;
  return {
    id,
    projectId,
    type: "file",
    dir: "/design/",
    name,
    size: 339200,
    createdUser,
    created,
    updatedUser,
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
export function toNotification(id: number, user: User) {
  const read = { alreadyRead: true, resourceAlreadyRead: true };
  return { id, ...read, reason: 2, user };
}

/** A comment, or without content a mere change. */
export function toComment(
  issue: Issue,
  id: number,
  createdUser: User,
  created: string,
  content: string | null,
  changeLog: Change[] | null,
) {
  const stars: ReturnType<typeof toStar>[] = [];
  const notifications: ReturnType<typeof toNotification>[] = [];
  return {
    id,
    projectId: issue.projectId,
    issueId: issue.id,
    content,
    changeLog,
    createdUser,
    created,
    updated: created,
    stars,
    notifications,
  };
}

/** A custom field as its project defines it. */
export function toDefinition(
  projectId: number,
  field: CustomField,
  items: Item[],
) {
  const { id, fieldTypeId, name } = field;
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

/** The items of a list, of their names in order. */
export function toItems(names: string): Item[] {
  return split(names).map((name, index) => ({
    id: index + 1,
    name,
    displayOrder: index,
  }));
}

/** The field as an issue has it that leaves it empty. */
export function toEmptyField(field: CustomField): CustomField {
  const isMany = field.fieldTypeId === 6 || field.fieldTypeId === 7;
  const other = field.fieldTypeId < 7 ? {} : { otherValue: null };
  return { ...field, value: isMany ? [] : null, ...other };
}

/** The words of a list in a layout. */
export function split(words: string): string[] {
  return words === "" ? [] : words.split(", ");
}
