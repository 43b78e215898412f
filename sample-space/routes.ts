import { toActivities } from "./activities.ts";
import {
  FILTER_FORMS,
  type Forms,
  INTEGER,
  invalid,
  LIST,
  missing,
  passes,
  refusal,
  requireForms,
  SEARCH_FORMS,
  sortIssues,
} from "./filter.ts";
import {
  type Comment,
  find,
  type Issue,
  type ProjectData,
  type SpaceData,
} from "./space.ts";

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
  /** Whose days `createdSince` and the like are. */
  days: either<"the space's" | "UTC">("the space's"),
  /** Whether issues of archived projects come where no project is named. */
  archivedIssues: either<boolean>(true),
  /** Whether a day is midnight of the space's zone, as in older records. */
  olderDates: either<boolean>(false),
};
export type Switches = typeof SWITCHES;

function either<T>(usual: T): T {
  return usual;
}

type Space = { data: SpaceData; switches: Switches; rates: object };
type Query = URLSearchParams;

/** The answer to a path and its query; throws a refusal. */
export function route(space: Space, path: string, query: Query): unknown {
  for (const [pattern, forms, answer] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    requireForms(query, forms);
    const [, id = "", part = ""] = match;
    return answer(space, query, id, part);
  }
  throw missing("resource");
}

type Answer = (space: Space, query: Query, id: string, part: string) => unknown;

const PAGE: Forms = { ...LIST, minId: INTEGER, maxId: INTEGER };
const ACTIVITIES: Forms = { ...PAGE, "activityTypeId[]": INTEGER };
const EXPAND: Forms = { "expand[]": /^childIssueSummary$/ };

const ROUTES: [RegExp, Forms, Answer][] = [
  [/^\/issues$/, SEARCH_FORMS, listIssues],
  [/^\/issues\/count$/, FILTER_FORMS, countIssues],
  [/^\/issues\/([^/]+)$/, EXPAND, getExpandedIssue],
  [/^\/issues\/([^/]+)\/comments$/, PAGE, listComments],
  [/^\/issues\/([^/]+)\/comments\/count$/, {}, countComments],
  [/^\/issues\/([^/]+)\/relatedIssues$/, {}, listRelatedIssues],
  [/^\/issues\/([^/]+)\/attachments\/(\d+)$/, {}, getAttachment],
  [
    /^\/projects$/,
    {},
    ({ data }) => data.projects.map(({ project }) => project),
  ],
  [/^\/projects\/([^/]+)\/([a-zA-Z]+)$/, {}, getProjectPart],
  [/^\/users\/myself$/, {}, ({ data }) => find(data.users, { id: data.me })],
  [/^\/users\/(\d+)\/activities$/, ACTIVITIES, listActivities],
  [/^\/space$/, {}, ({ data }) => data.space],
  [/^\/rateLimit$/, {}, ({ rates }) => ({ rateLimit: rates })],
];

function refuse(): never {
  throw refusal(403, 5, "You do not have permission.");
}

function getProject({ data }: Space, id: string): ProjectData {
  const owner = data.projects.find(
    ({ project }) => project.projectKey === id || `${project.id}` === id,
  );
  if (!owner) throw missing("project");
  return owner;
}

function getProjectPart(space: Space, _: Query, id: string, part: string) {
  const { project, ...parts } = getProject(space, id);
  if (space.switches.unreadableProjects.includes(project.projectKey)) refuse();
  // Everybody is a member of each.
  const { users } = space.data;
  const lists = new Map<string, object[]>(Object.entries({ ...parts, users }));
  const list = lists.get(part);
  if (!list) throw missing("resource");
  return list;
}

function getIssue({ data }: Space, id: string): Issue {
  const issue = data.issues.find(
    (one) => one.issueKey === id || `${one.id}` === id,
  );
  if (!issue) throw missing("issue");
  return issue;
}

function getExpandedIssue(space: Space, query: Query, id: string) {
  const issue = getIssue(space, id);
  const mode = space.switches.expand;
  if (!query.has("expand[]") || mode === "ignored") return issue;
  if (mode === "refused") throw invalid("expand[]");
  const children = space.data.issues.filter(
    ({ parentIssueId }) => parentIssueId === issue.id,
  );
  const closed = children.filter(({ status }) => status.id === 4).length;
  return { ...issue, childIssueSummary: { total: children.length, closed } };
}

/** Entries with IDs, as `minId`, `maxId`, `count` and `order` ask for them. */
function toPage<Entry extends { id: number }>(
  { switches }: Space,
  query: Query,
  entries: Entry[],
): Entry[] {
  const edge = switches.idsInclusive ? 0 : 1;
  const minId = Number(query.get("minId") ?? 0) + edge;
  const maxId = Number(query.get("maxId") ?? Number.POSITIVE_INFINITY) - edge;
  const asked = entries.filter(({ id }) => id >= minId && id <= maxId);
  if (query.get("order") !== "asc") asked.reverse();
  return asked.slice(0, toCount(query));
}

function toCount(query: Query): number {
  return Number(query.get("count") ?? 20);
}

function toComments(space: Space, id: string): Comment[] {
  return space.data.comments.get(getIssue(space, id).id) ?? [];
}

function listComments(space: Space, query: Query, id: string) {
  return toPage(space, query, toComments(space, id));
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
    .filter((issue) => related.includes(issue.id))
    .map((issue) => ({ ...issue, type: "RELATES" }));
}

function getAttachment(space: Space, _: Query, id: string, fileId: string) {
  const { attachments } = getIssue(space, id);
  const isHere = attachments.some((file) => `${file.id}` === fileId);
  const content = space.data.files.get(Number(fileId));
  if (!isHere || !content) throw missing("attachment");
  return new Response(content);
}

function listActivities(space: Space, query: Query, userId: string) {
  if (space.switches.activities === "refused") refuse();
  // Of every type that is asked for: it has no others.
  const asked = toActivities(space.data).filter(
    ({ createdUser }) => `${createdUser.id}` === userId,
  );
  return toPage(space, query, asked);
}

function listIssues(space: Space, query: Query) {
  const by = query.get("sort") ?? "updated";
  const isTurned =
    by === "priority" && space.switches.priorityDescends !== "from the lowest";
  const isUp = (query.get("order") === "asc") !== isTurned;
  const issues = sortIssues(selectIssues(space, query), by, isUp ? 1 : -1);
  const offset = Number(query.get("offset") ?? 0);
  return issues.slice(offset, offset + toCount(query));
}

function countIssues(space: Space, query: Query) {
  return { count: selectIssues(space, query).length };
}

/** The issues of the asked projects that pass every filter of the query. */
function selectIssues(space: Space, query: Query): Issue[] {
  const { data, switches } = space;
  const owners = toAskedProjects(space, query);
  const known = owners.flatMap(({ statuses }) =>
    statuses.map(({ id }) => `${id}`),
  );
  const isMixed = query.getAll("statusId[]").some((id) => !known.includes(id));
  if (isMixed && switches.mixedStatuses === "refused") {
    throw invalid("statusId[]");
  }
  const timeZone = switches.days === "UTC" ? "UTC" : `${data.space.timezone}`;
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone });
  const toDay = (instant: string) => format.format(Date.parse(instant));
  const tests = [...new Set(query.keys())].flatMap((name) => {
    const values = Object.groupBy(query.getAll(name), (value) =>
      toTreatment(switches, name, value),
    );
    if (values.refused) throw invalid(name);
    const { honoured = [], "finds nothing": nothing } = values;
    // What is ignored filters nothing.
    if (honoured.length === 0 && !nothing) return [];
    return (issue: Issue) =>
      honoured.some((value) => passes(issue, { name, value, toDay }));
  });
  const projectIds = owners.map(({ project }) => project.id);
  return data.issues.filter(
    (issue) =>
      projectIds.includes(issue.projectId) &&
      tests.every((test) => test(issue)),
  );
}

function toTreatment(
  switches: Switches,
  name: string,
  value: string,
): Treatment {
  if (name.startsWith("customField_")) return switches.customFields;
  if (name === "hasDueDate") return switches.noDueDate;
  const isNobody = name === "assigneeId[]" && value === "-1";
  return isNobody ? switches.nobody : "honoured";
}

function toAskedProjects(space: Space, query: Query): ProjectData[] {
  const { data, switches } = space;
  const ids = query.getAll("projectId[]");
  if (ids.length > 0) return ids.map((id) => getProject(space, id));
  return data.projects.filter(
    ({ project }) => switches.archivedIssues || !project.archived,
  );
}
