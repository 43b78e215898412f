import { type Activity, toActivities } from "./activities.ts";
import {
  ACTIVITY_FORMS,
  COMMENT_FORMS,
  FILTER_FORMS,
  type Forms,
  first,
  invalid,
  missing,
  NOBODY,
  parseQuery,
  type Query,
  Refusal,
  SEARCH_FORMS,
  sortIssues,
  toNumber,
  toTest,
} from "./filter.ts";
import {
  type Comment,
  type Issue,
  type ProjectData,
  type SpaceData,
  toStatusId,
} from "./shapes.ts";

/** What a space may do with a filter that its reference does not tell. */
type Treatment = "honoured" | "refused" | "ignored" | "finds nothing";

/** What the reference leaves open about the real Backlog, as it seems to be. */
export const SWITCHES = {
  /** Whether `minId` and `maxId` include the ID they name. */
  idsInclusive: either<boolean>(false),
  expand: either<"supported" | "ignored" | "refused">("supported"),
  relatedIssues: either<boolean>(true),
  countIncludesChanges: either<boolean>(true),
  unreadableProjects: either<string[]>([]),
  mixedStatuses: either<"ignored" | "refused">("ignored"),
  /** `assigneeId[]=-1`. */
  nobody: either<Treatment>("honoured"),
  /** `hasDueDate=false`. */
  noDueDate: either<Treatment>("honoured"),
  customFields: either<Treatment>("honoured"),
  activities: either<"supported" | "refused">("supported"),
  /** What `sort=priority&order=desc` begins with. */
  priorityDescends:
    either<`from the ${"lowest" | "highest"}`>("from the lowest"),
  /** How a comment's change log calls a status. */
  loggedStatuses: either<"names" | "IDs">("names"),
  /** Whose days `createdSince` and the like are. */
  days: either<"the space's" | "UTC">("the space's"),
  /** Whether issues of archived projects come where no project is named. */
  archivedIssues: either<boolean>(true),
};
export type Switches = typeof SWITCHES;

function either<T>(usual: T): T {
  return usual;
}

type Rate = { limit: number; used: number; reset: number };
export type Rates = Record<"search" | "read", Rate>;
type Space = { data: SpaceData; switches: Switches; rates: Rates };

/** The answer to a path and its query; throws a Refusal. */
export function route(
  space: Space,
  path: string,
  parameters: URLSearchParams,
): unknown {
  for (const [pattern, forms, answer] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const [, id = "", part = ""] = match;
    return answer(space, parseQuery(parameters, forms), id, part);
  }
  throw missing("resource");
}

type Answer = (space: Space, query: Query, id: string, part: string) => unknown;

const EXPAND: Forms = { "expand[]": /^childIssueSummary$/ };

const ROUTES: [RegExp, Forms, Answer][] = [
  [/^\/issues$/, { ...SEARCH_FORMS, ...EXPAND }, listIssues],
  [/^\/issues\/count$/, FILTER_FORMS, countIssues],
  [/^\/issues\/([^/]+)$/, EXPAND, getExpandedIssue],
  [/^\/issues\/([^/]+)\/comments$/, COMMENT_FORMS, listComments],
  [/^\/issues\/([^/]+)\/comments\/count$/, {}, countComments],
  [/^\/issues\/([^/]+)\/relatedIssues$/, {}, listRelatedIssues],
  [/^\/issues\/([^/]+)\/attachments\/(\d+)$/, {}, getAttachment],
  [/^\/projects$/, { archived: /^(true|false)$/ }, listProjects],
  [/^\/projects\/([^/]+)\/activities$/, ACTIVITY_FORMS, listOfProject],
  [/^\/projects\/([^/]+)\/([a-zA-Z]+)$/, {}, getProjectPart],
  [/^\/users\/myself$/, {}, getMyself],
  [/^\/users\/(\d+)\/activities$/, ACTIVITY_FORMS, listOfUser],
  [/^\/space$/, {}, ({ data }) => data.space],
  [/^\/rateLimit$/, {}, getRateLimit],
];

function refuse(): never {
  throw new Refusal(403, 5, "You do not have permission.");
}

function getMyself({ data }: Space) {
  return data.users.find(({ id }) => id === data.me);
}

function getRateLimit({ rates: { read, search } }: Space) {
  const { reset } = read;
  return {
    rateLimit: {
      read: toRate(read),
      update: { limit: 150, remaining: 150, reset },
      search: toRate({ ...search, reset: search.reset || reset }),
      icon: { limit: 60, remaining: 60, reset },
    },
  };
}

/** A class as /rateLimit and the headers tell it. */
export function toRate({ limit, used, reset }: Rate) {
  return { limit, remaining: Math.max(0, limit - used), reset };
}

function listVisible({ data }: Space): ProjectData[] {
  return data.projects.filter(({ members }) => members.includes(data.me));
}

function getProject(space: Space, id: string): ProjectData {
  const owner = listVisible(space).find(
    ({ project }) => project.projectKey === id || `${project.id}` === id,
  );
  if (!owner) throw missing("project");
  return owner;
}

function isVisible(space: Space, { projectId }: Issue): boolean {
  return listVisible(space).some(({ project }) => project.id === projectId);
}

function getIssue(space: Space, id: string): Issue {
  const issue = space.data.issues.find(
    (candidate) => candidate.issueKey === id || `${candidate.id}` === id,
  );
  if (!issue || !isVisible(space, issue)) throw missing("issue");
  return issue;
}

function getExpandedIssue(space: Space, query: Query, id: string) {
  return expand(space, query, [getIssue(space, id)])[0];
}

function listProjects(space: Space, query: Query) {
  const archived = first(query, "archived");
  const projects = listVisible(space).map(({ project }) => project);
  if (archived === undefined) return projects;
  return projects.filter((project) => `${project.archived}` === archived);
}

function getProjectPart(space: Space, _: Query, id: string, part: string) {
  const owner = getProject(space, id);
  const { unreadableProjects } = space.switches;
  if (unreadableProjects.includes(owner.project.projectKey)) refuse();
  const known = PARTS.find((name) => name === part);
  if (known) return owner[known];
  if (part !== "users") throw missing("resource");
  return space.data.users.filter(({ id }) => owner.members.includes(id));
}

const PARTS = [
  "statuses",
  "issueTypes",
  "categories",
  "versions",
  "customFields",
] as const;

/** Entries with IDs, as `minId`, `maxId`, `count` and `order` ask for them. */
function toPage<Entry extends { id: number }>(
  { switches }: Space,
  query: Query,
  entries: Entry[],
): Entry[] {
  const minId = toNumber(query, "minId") ?? 0;
  const maxId = toNumber(query, "maxId") ?? Number.POSITIVE_INFINITY;
  const edge = switches.idsInclusive ? 0 : 1;
  const asked = entries.filter(
    ({ id }) => id >= minId + edge && id <= maxId - edge,
  );
  if (first(query, "order") !== "asc") asked.reverse();
  return asked.slice(0, toNumber(query, "count") ?? 20);
}

function toComments(space: Space, id: string): Comment[] {
  return space.data.comments.get(getIssue(space, id).id) ?? [];
}

function listComments(space: Space, query: Query, id: string) {
  const page = toPage(space, query, toComments(space, id));
  if (space.switches.loggedStatuses === "names") return page;
  return page.map((comment) => {
    const owner = getProject(space, `${comment.projectId}`);
    const changeLog = comment.changeLog?.map((change) => {
      if (change.field !== "status") return change;
      const originalValue = toStatusId(owner, change.originalValue);
      const newValue = toStatusId(owner, change.newValue);
      return { ...change, originalValue, newValue };
    });
    return { ...comment, changeLog };
  });
}

function countComments(space: Space, _: Query, id: string) {
  const all = space.switches.countIncludesChanges;
  const comments = toComments(space, id);
  return { count: comments.filter(({ content }) => all || content).length };
}

function listRelatedIssues(space: Space, _: Query, id: string) {
  if (!space.switches.relatedIssues) throw missing("resource");
  const related = space.data.related.get(getIssue(space, id).id) ?? [];
  return space.data.issues
    .filter((issue) => related.includes(issue.id) && isVisible(space, issue))
    .map((issue) => ({ ...issue, type: "RELATES" }));
}

function getAttachment(space: Space, _: Query, id: string, fileId: string) {
  const { attachments } = getIssue(space, id);
  const isHere = attachments.some((file) => `${file.id}` === fileId);
  const answer = space.data.files.get(Number(fileId));
  if (!isHere || !answer) throw missing("attachment");
  return answer();
}

function listOfUser(space: Space, query: Query, id: string) {
  const visible = listVisible(space).map(({ project }) => project);
  return listActivities(
    space,
    query,
    ({ project, createdUser }) =>
      `${createdUser.id}` === id && visible.includes(project),
  );
}

function listOfProject(space: Space, query: Query, id: string) {
  const { project } = getProject(space, id);
  return listActivities(space, query, (entry) => entry.project === project);
}

function listActivities(
  space: Space,
  query: Query,
  isAsked: (activity: Activity) => boolean,
) {
  if (space.switches.activities === "refused") refuse();
  const types = query.get("activityTypeId[]");
  const asked = toActivities(space.data).filter(
    (entry) => isAsked(entry) && types?.includes(`${entry.type}`) !== false,
  );
  return toPage(space, query, asked);
}

function listIssues(space: Space, query: Query) {
  const by = first(query, "sort") ?? "updated";
  const isTurned =
    by === "priority" && space.switches.priorityDescends !== "from the lowest";
  const isUp = (first(query, "order") === "asc") !== isTurned;
  const sign = isUp ? 1 : -1;
  const found = selectIssues(space, query);
  const issues = sortIssues(space.data, found, { by, sign });
  const offset = toNumber(query, "offset") ?? 0;
  const count = toNumber(query, "count") ?? 20;
  return expand(space, query, issues.slice(offset, offset + count));
}

function countIssues(space: Space, query: Query) {
  return { count: selectIssues(space, query).length };
}

/** The issues of the asked projects that pass every filter of the query. */
function selectIssues(space: Space, query: Query): Issue[] {
  const { data, switches } = space;
  const asked = toAskedProjects(space, query);
  const owners = new Set(asked.map(({ project }) => project.id));
  const known = asked.flatMap(({ statuses }) => statuses.map(({ id }) => id));
  const isMixed = query
    .get("statusId[]")
    ?.some((id) => !known.includes(Number(id)));
  if (isMixed && switches.mixedStatuses === "refused") {
    throw invalid("statusId[]");
  }
  const timeZone = switches.days === "UTC" ? "UTC" : `${data.space.timezone}`;
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone });
  const toDay = (instant: string) => format.format(Date.parse(instant));
  const tests = [...query].flatMap(([name, sent]) => {
    const test = toTest(data, name);
    const values = toUnderstood(switches, name, sent);
    if (!test || !values) return [];
    return (issue: Issue) => values.some((value) => test(issue, value, toDay));
  });
  return data.issues.filter(
    (issue) =>
      owners.has(issue.projectId) && tests.every((test) => test(issue)),
  );
}

/** What this space makes of the values; undefined where it filters by none. */
function toUnderstood(
  switches: Switches,
  name: string,
  values: string[],
): string[] | undefined {
  const isAssignee = name === "assigneeId[]";
  const others = isAssignee ? values.filter((value) => value !== NOBODY) : [];
  if (isAssignee && others.length === values.length) return values;
  switch (toTreatment(switches, name)) {
    case "honoured":
      return values;
    case "refused":
      throw invalid(name);
    case "ignored":
      return others.length > 0 ? others : undefined;
    case "finds nothing":
      return others;
  }
}

function toTreatment(switches: Switches, name: string): Treatment {
  if (name.startsWith("customField_")) return switches.customFields;
  if (name === "hasDueDate") return switches.noDueDate;
  return name === "assigneeId[]" ? switches.nobody : "honoured";
}

function toAskedProjects(space: Space, query: Query): ProjectData[] {
  const { archivedIssues } = space.switches;
  const asked = query.get("projectId[]");
  return (
    asked?.map((id) => getProject(space, id)) ??
    listVisible(space).filter(
      ({ project }) => archivedIssues || !project.archived,
    )
  );
}

function expand(space: Space, query: Query, issues: Issue[]): Issue[] {
  const mode = space.switches.expand;
  if (!query.has("expand[]") || mode === "ignored") return issues;
  if (mode === "refused") throw invalid("expand[]");
  const children = Map.groupBy(
    space.data.issues,
    ({ parentIssueId }) => parentIssueId,
  );
  return issues.map((issue) => {
    const own = children.get(issue.id) ?? [];
    const closed = own.filter(({ status }) => status.id === 4).length;
    return { ...issue, childIssueSummary: { total: own.length, closed } };
  });
}
